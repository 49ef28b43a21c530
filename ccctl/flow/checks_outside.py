"""Findings about what flows ask of the world outside, while a site is read: URLs, paths, tables.

Each function makes the one finding of its code; its docstring is the manual page.
"""

from ccctl.diagnostics import Diagnostic, Span
from ccctl.flow.checks_pages import finding, found
from ccctl.flow.checks_reading import place


@finding("E520")
def bad_url(span: Span, text: str, hint: str) -> Diagnostic:
    """Not a method and a URL.

    A request is `get` or `post` and a URL with its host written out. Values of variables are encoded where
    they stand, in the path or in `query`; a variable never decides which host is asked.

    Bad:
        - http: https://crm.acme.example/customers
    Good:
        - http: get https://crm.acme.example/customers
    """
    return found("E520", span, text, hint)


@finding("E521")
def bad_path(span: Span, text: str, hint: str) -> Diagnostic:
    """Not a path into a reply, or not a column.

    A path begins with $ and goes down by names and numbers: `$.customer.cases[0].id`.

    Bad:
        - http: get https://crm.acme.example/customers
          save: {tier: customer.tier}
    Good:
        - http: get https://crm.acme.example/customers
          save: {tier: $.customer.tier}
    """
    return found("E521", span, text, hint)


@finding("E522")
def saved_twice(span: Span, name: str, first: Span) -> Diagnostic:
    """A variable is saved twice by one step.

    Only one of the two values could stay.

    Bad:
        save: {tier: $.tier, tier: $.level}
    Good:
        save: {tier: $.tier, level: $.level}
    """
    return found("E522", span, f'"{name}" is saved twice (first at {place(first)})', "save it once")


@finding("E523")
def bad_table(span: Span, text: str, hint: str) -> Diagnostic:
    """A file of a table that cannot be used as it is.

    A table is UTF-8 text with commas: the first line names the columns, every further line has as many
    values. Keys are unique; they are numbers (`keys: phone`), or letters, digits, + and _.

    Bad:
        phone,tier
        +491701112233,gold,old customer
    Good:
        phone,tier
        +491701112233,gold
    """
    return found("E523", span, text, hint)


@finding("E524")
def bad_range(span: Span, text: str, hint: str) -> Diagnostic:
    """A question whose answers cannot be told.

    An answer is a number of one or two digits, within a range; or a recording.

    Bad:
        questions: [{ask: csat-score, digits: 5-1, save: csat}]
    Good:
        questions: [{ask: csat-score, digits: 1-5, save: csat}]
    """
    return found("E524", span, text, hint)


@finding("E525")
def bad_query(span: Span, text: str, hint: str) -> Diagnostic:
    """The rows of a table cannot be read from its database.

    The database is a secret that holds an address as SQLAlchemy writes it, for example
    sqlite:////var/lib/crm.db or postgresql+psycopg://reader@db/crm. The rows are read whenever the site is
    checked, planned or applied, and stay as they are until the next apply.

    Bad:
        tables: {customers: {sql: "selct phone, tier from customers", database: !secret crm_db, key: phone}}
    Good:
        tables: {customers: {sql: "select phone, tier from customers", database: !secret crm_db, key: phone}}
    """
    return found("E525", span, text, hint)
