"""Database triggers that keep the access log append-only."""

import pgtrigger

from core.triggers import Guard, NeverEmptied, refuse

OF_ACCESSES = [
    Guard(
        name="accesses_are_append_only",
        when=pgtrigger.Before,
        operation=pgtrigger.Update | pgtrigger.Delete,
        func=refuse("The access log is append-only: % of row % refused.", "TG_OP", "OLD.id"),
    ),
    NeverEmptied(name="accesses_are_never_emptied"),
]

OF_LOSSES = [
    Guard(
        name="losses_are_append_only",
        when=pgtrigger.Before,
        operation=pgtrigger.Update | pgtrigger.Delete,
        func=refuse("The access log is append-only: % of loss % refused.", "TG_OP", "OLD.id"),
    ),
    NeverEmptied(name="losses_are_never_emptied"),
]

OF_PROCESSES = [
    Guard(
        name="processes_end_once",
        when=pgtrigger.Before,
        operation=pgtrigger.Update | pgtrigger.Delete,
        func=f"""
            IF TG_OP = 'UPDATE'
               AND (NEW.id, NEW.host, NEW.pid, NEW.program, NEW.began_at)
                   = (OLD.id, OLD.host, OLD.pid, OLD.program, OLD.began_at)
               AND OLD.ended_at IS NULL
               AND NEW.written_until >= OLD.written_until
            THEN
                RETURN NEW;
            END IF;
            {refuse("The access log is append-only: % of process % refused.", "TG_OP", "OLD.id")}
        """,
    ),
    NeverEmptied(name="processes_are_never_emptied"),
]
