"""Rendering a tool's JSON Schema in a provider's dialect.

`keywords` is the table of the keywords of JSON Schema; `dialect` holds the facts of a dialect as data, `render` the one
walk for all of them. `reading` reads JSON Schema, `acceptance` decides whether a dialect accepts a keyword, `phrases`
puts the rest into words, `restore` undoes the changes of shape on a call's arguments, and `limits` checks sizes. Plugin
authors import their part of it from `polycall.plugin`.
"""
