r"""The SQL functions that make the keys by which contacts are found. docs/search.md describes the keys.

Migrations create them, so a change of one needs a migration.
"""

from typing import Final

# ASCII and Latin-1 punctuation and spaces, and the dashes, quotes and spaces of U+2000. A class of PostgreSQL would
# depend on the database's locale.
_BETWEEN_WORDS: Final = r"[\s!-/:-@\[-`{-~\u00a0-\u00a9\u00ab-\u00b4\u00b6-\u00b9\u00bb-\u00bf\u2000-\u206f]+"

WORDS = rf"""
CREATE OR REPLACE FUNCTION public.kontor_words(value text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT btrim(regexp_replace(public.kontor_folded(value), '{_BETWEEN_WORDS}', ' ', 'g'))
$$
"""

# Mueller for Müller: what is written with e is also kept, and looked for, without it.
WITHOUT_E = """
CREATE OR REPLACE FUNCTION public.kontor_without_e(words text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT replace(replace(replace(words, 'ae', 'a'), 'oe', 'o'), 'ue', 'u')
$$
"""

# The key of values of one kind, of which `words` are those of `kontor_words`.
KEY = r"""
CREATE OR REPLACE FUNCTION public.kontor_search_key(kind text, value text, words text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE kind
        WHEN 'date' THEN 'd' || replace(left(value, 10), '-', '')
        -- Without what precedes a number in a link, the zero in +41 (0)79, the extension, and zeros before it.
        WHEN 'phone' THEN ltrim(regexp_replace(regexp_replace(replace(
            regexp_replace(value, '^\s*tel:', '', 'i'), '(0)', ''), '[;,#a-zA-Z].*$', ''), '[^0-9]', '', 'g'), '0')
        WHEN 'code' THEN words
        ELSE words || CASE WHEN words ~ '[aou]e' THEN ' ' || public.kontor_without_e(words) ELSE '' END
    END
$$
"""

# A number is found whether or not it is written with its dots and dashes.
WITHOUT_MARKS = r"""
CREATE OR REPLACE FUNCTION public.kontor_without_marks(value text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN length(value) <= 40 AND value !~ '[@[:space:]]' AND value ~ '[0-9][^0-9a-zA-Z]|[^0-9a-zA-Z][0-9]'
                THEN replace(public.kontor_words(value), ' ', '') END
$$
"""

# What one contact is found by: path, kind and text of each value. Objects and booleans are none. The ids in other
# systems of what was merged into it lead to it too.
VALUES = """
CREATE OR REPLACE FUNCTION public.kontor_search_values(contact integer, details jsonb, username text)
RETURNS TABLE (path text, kind text, value text)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT field.path, field.kind, found.value #>> '{}'
      FROM public.contacts_searchfield field
     CROSS JOIN LATERAL jsonb_path_query(details, field.place, '{}', true) AS found(value)
     WHERE jsonb_typeof(found.value) IN ('string', 'number')
     UNION ALL
    SELECT 'username', 'code', username WHERE username IS NOT NULL
     UNION ALL
    SELECT 'externalConnections.' || connection.system, 'code', connection.external_id
      FROM public.contacts_externalconnection connection WHERE connection.contact_id = contact
     UNION ALL
    SELECT 'externalConnections.' || connection.system, 'code', connection.external_id
      FROM public.contacts_contact merged
      JOIN public.contacts_externalconnection connection ON connection.contact_id = merged.id
     WHERE merged.merged_into_id = contact
$$
"""

# The words of names and other texts, among which those are looked for that are like one with a typing error.
SPELT = """
CREATE OR REPLACE FUNCTION public.kontor_spelt_words(contacts integer[]) RETURNS SETOF text
LANGUAGE sql STABLE AS $$
    SELECT DISTINCT word
      FROM public.contacts_searchkeys kept
     CROSS JOIN LATERAL string_to_table(concat(split_part(kept.keys, E'\\n', 1), split_part(kept.keys, E'\\n', 2)), ' ')
            AS word
     WHERE kept.contact_id = ANY(contacts) AND length(word) BETWEEN 4 AND 40 AND word !~ '[0-9]'
$$
"""

# Folds all values of a contact at once, separated by U+0001: folding takes most of the time.
#
# Words have no unique index: two transactions that add the same one do not wait for each other, and twice does no harm.
KEEP = """
CREATE OR REPLACE FUNCTION public.kontor_keep_search_keys(contacts integer[], are_new boolean) RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    before text[];
BEGIN
    IF NOT are_new THEN
        PERFORM FROM public.contacts_searchkeys WHERE contact_id = ANY(contacts) ORDER BY contact_id FOR UPDATE;
        before := ARRAY(SELECT public.kontor_spelt_words(contacts));
        -- Who was merged is found as the contact that answers for it.
        DELETE FROM public.contacts_searchkeys
         WHERE contact_id IN (
            SELECT id FROM public.contacts_contact WHERE id = ANY(contacts) AND merged_into_id IS NOT NULL);
    END IF;
    INSERT INTO public.contacts_searchkeys AS kept (contact_id, keys)
    SELECT contact.id,
           ' ' || public.kontor_search_key('name', NULL, btrim(split_part(folded.words, U&'\\0001', 1))) || E' \\n '
           || public.kontor_search_key('text', NULL, btrim(split_part(folded.words, U&'\\0001', 2))) || E' \\n '
           || concat_ws(' ', btrim(split_part(folded.words, U&'\\0001', 3)), found.others) || ' '
      FROM public.contacts_contact contact
     CROSS JOIN LATERAL (
        SELECT concat(string_agg(one.value, ' ') FILTER (WHERE one.kind = 'name'), U&'\\0001',
                      string_agg(one.value, ' ') FILTER (WHERE one.kind = 'text'), U&'\\0001',
                      string_agg(one.value, ' ') FILTER (WHERE one.kind = 'code')) AS texts,
               string_agg(CASE WHEN one.kind IN ('date', 'phone')
                               THEN public.kontor_search_key(one.kind, one.value, NULL)
                               ELSE public.kontor_without_marks(one.value) END, ' ') AS others
          FROM public.kontor_search_values(contact.id, contact.details, contact.username) AS one
     ) AS found
     -- OFFSET 0: otherwise the folding would be repeated for each use of it.
     CROSS JOIN LATERAL (SELECT public.kontor_words(found.texts) AS words OFFSET 0) AS folded
     WHERE contact.id = ANY(contacts) AND contact.merged_into_id IS NULL
     ORDER BY contact.id
    ON CONFLICT (contact_id) DO UPDATE SET keys = EXCLUDED.keys WHERE kept.keys <> EXCLUDED.keys;
    INSERT INTO public.contacts_searchword (word)
    SELECT one.word FROM public.kontor_spelt_words(contacts) AS one(word)
     WHERE NOT EXISTS (SELECT FROM public.contacts_searchword known WHERE known.word = one.word);
    -- What nobody has any more may name somebody who was anonymized.
    DELETE FROM public.contacts_searchword
     WHERE word IN (SELECT unnest(before) EXCEPT SELECT public.kontor_spelt_words(contacts))
       AND NOT EXISTS (SELECT FROM public.contacts_searchkeys WHERE keys LIKE '% ' || word || ' %');
END
$$
"""

FUNCTIONS = (WORDS, WITHOUT_E, KEY, WITHOUT_MARKS, VALUES, SPELT, KEEP)
