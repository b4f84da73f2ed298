"""Rendering a tool's JSON Schema in a provider's dialect.

`dialect` holds the facts of a dialect as data, `render` the one walk for all of them; `reading` and `keywords` read
JSON Schema, `notes` puts into words what a dialect cannot say, `restore` undoes on a call's arguments what the
rendering changed in shape, `limits` checks sizes. Plugin authors import what they need from `polycall.plugin`.
"""
