"""Which of the model's new calls corrects which failed one.

A correction carries no reference to the call that it corrects: ids are new, and models re-issue everything, reorder,
answer with fewer calls or with more, and spoil what was good. New calls are matched by their content.

The states. A *place* of the result is *accepted* (it has a good call) or *failed*. A place remembers its *attempts*,
every failed call that was made for it. A failed place that came up in a correction, and was never good, is *doubtful*.
A new call becomes a *correction* of a failed place (which is accepted then, or failed still), a *repetition* of an
accepted place (which changes nothing), or an *addition* (a place more).

The evidence. Two good calls are *the same* if their objects are, or their arguments as written (a generated default
makes the objects differ). An argument is *sound* unless it is at fault, and if it can be read. A call *keeps* another
one if it has all sound arguments of that one, at least one. Two calls *contradict* each other if an argument that is
sound in both differs, and has not even a word in common. A call whose name is not a tool's may mean any tool.

The rules, from exact evidence to mere likeness to order; each works on what the rules before it left open.

1. A call that keeps an attempt at a failed place, and is the same as no accepted call, corrects that place: first under
   the same name, then where one of the names is not a tool's; then one whose values have just the words of an attempt.
   Most kept arguments first; places that are alike are taken in the order in which the calls came. Where there are
   more such calls than places, good ones come first.
2. A call that does so and is the same as an accepted call corrects, too, unless the reply visibly repeats accepted
   calls (one that keeps no attempt is among them). Doubtful places are not corrected so.
3. A call that is the same as an accepted one repeats it, good ones first, once for each accepted call. Those beyond
   that number correct as in rule 2.
4. A failed call whose sound arguments are all kept by a call at a place is that call once more, garbled: at a failed
   place it stays failed; at an accepted one it is a repetition, not a new call. So is a failed call that equals an
   attempt at an accepted place.
5. Calls that do not contradict each other are matched by arguments in common, then by words of their values: with
   failed places of the same tool (doubtful ones last), and failed calls with accepted places that they resemble by
   more than half.
6. In a reply with as many calls as there are places, of which each that is recognized stands in its place, the others
   stand in theirs, unless they contradict.
7. What does not contradict is matched in order: within a tool; kept arguments under the name of another tool; then
   where a name is not a tool's.
8. If there are just as many calls left as failed places, none of them the same as an accepted one, they are matched in
   order: the model was asked for as many.
9. What is left are additions, and failed places that stay failed. A doubtful place that resembles a call which repeats
   an accepted one was that call, garbled: it is withdrawn.
10. Of failed calls that equal each other, the places take the good corrections first, in the order in which they came.
"""

from __future__ import annotations

import dataclasses
import re
from collections import Counter, defaultdict, deque
from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence

from polycall._data.types import CallFailure
from polycall._engine.readable_arguments import read_arguments
from polycall._engine.sameness import freeze, keys_of, written_key
from polycall._engine.validation import ValidCall

_MAX_COMPARED_PAIRS = 10_000
"""Beyond this many pairs likeness is left out and calls are matched in order, which costs linear time."""
_MAX_COMPARED_CHARACTERS = 10_000
_MAX_SHAPES = 32
"""Sets of kept arguments that are looked up; each costs one pass over the new calls."""
_RESEMBLES = 0.5
"""The share of words that a failed call must have in common with an accepted one to be taken for it."""
_WORD = re.compile(r"\w+")


@dataclasses.dataclass(frozen=True, slots=True)
class Matching:
    """Where each new call belongs; indices into the sequences that were given."""

    corrections: Mapping[int, int]
    """New call to the failed place that it answers."""
    repeats: frozenset[int]
    """New calls that only repeat an accepted one."""
    additions: tuple[int, ...]
    """New calls that are neither, in order."""
    withdrawn: frozenset[int] = frozenset()
    """Failed places that were garbled repetitions of accepted calls: they leave the result."""


def match_corrections(
    places: Sequence[ValidCall | CallFailure],
    new: Sequence[ValidCall | CallFailure],
    *,
    known_tools: Container[str],
    attempts: Mapping[int, Sequence[CallFailure]] | None = None,
    asked: int | None = None,
) -> Matching:
    """Match the calls of a correcting reply to the calls that were to be corrected.

    Args:
        places: The latest call for each place of the result, in order.
        new: All calls of the correcting reply, in order.
        known_tools: The names of the request's tools.
        attempts: The failed calls that were made for a place before its latest one, oldest first.
        asked: The number of places of the first reply; those after them came up in corrections. By default all.
    """
    matcher = _Matcher(places, new, known_tools, attempts or {}, len(places) if asked is None else asked)
    same = {call for call, keys in enumerate(matcher.keys) if any(key in matcher.accepted for key in keys)}
    matcher.pair_exactly(matcher.open_calls.keys() - same - matcher.unchanged(same))
    if not matcher.repeats_without_cause(same):
        matcher.pair_exactly(same, doubtful=False)
    matcher.take_repeats()
    matcher.pair_exactly(same, doubtful=False)
    matcher.take_garbled_repeats()
    matcher.pair_alike()
    matcher.pair_by_position()
    matcher.pair_in_order(matcher.open_failures, within_tool=True)
    matcher.pair_keeping(matcher.open_calls.keys(), name_matters=False, any_tool=True)
    matcher.pair_unknown_names_in_order()
    if len(matcher.open_failures) == len(matcher.open_calls) and same.isdisjoint(matcher.open_calls):
        matcher.pair_in_order(matcher.open_failures, contradicting=True)
    matcher.settle_equal_failures()
    return Matching(
        matcher.corrections, frozenset(matcher.repeats), tuple(matcher.open_calls), frozenset(matcher.withdrawn())
    )


class _Reading:
    """One call with everything that can be told of it."""

    __slots__ = (
        "_frozen",
        "_words",
        "_words_by_name",
        "arguments",
        "certain",
        "is_good",
        "name",
        "outcome",
        "sound",
        "whole",
    )

    def __init__(self, outcome: ValidCall | CallFailure, known_tools: Container[str]) -> None:
        self.outcome = outcome
        self.is_good = isinstance(outcome, ValidCall)
        name = outcome.tool_call.name
        self.name = name if self.is_good or name in known_tools else None
        """``None`` if no tool is named so."""
        read = read_arguments(outcome.tool_call)
        self.arguments, self.whole = read.values, read.whole
        at_fault = outcome.fields if isinstance(outcome, CallFailure) else ()
        self.sound = {name: value for name, value in read.values.items() if name not in at_fault}
        self.certain = self.is_good or bool(at_fault) or self.name is None or not read.whole
        """Whether it is known which arguments are sound: not where the call fails as a whole."""
        self._frozen: dict[str, object] = {}
        self._words: frozenset[str] | None = None
        self._words_by_name: dict[str, frozenset[str]] = {}

    def frozen(self, name: str) -> object:
        """A hashable stand-in for one argument."""
        if name not in self._frozen:
            self._frozen[name] = freeze(self.arguments[name])
        return self._frozen[name]

    def part(self, names: Iterable[str]) -> object:
        """A hashable stand-in for some of the arguments."""
        return frozenset((name, self.frozen(name)) for name in names)

    def words_of(self, name: str) -> frozenset[str]:
        """The words of one argument."""
        if name not in self._words_by_name:
            self._words_by_name[name] = _words_of([self.arguments[name]])
        return self._words_by_name[name]

    def written(self) -> object:
        return written_key(self.outcome.tool_call, self.arguments if self.whole else None)

    def words(self, argument_names: Container[str]) -> frozenset[str]:
        """Of the values: names of arguments tell nothing, every call of the tool has them."""
        if self._words is None:
            if self.whole:
                found = _words_of(self.arguments.values())
            else:
                arguments = self.outcome.tool_call.arguments
                text = arguments if isinstance(arguments, str) else ""
                found = _words_of([text])
            self._words = frozenset(word for word in found if word not in argument_names)
        return self._words


class _Matcher:
    def __init__(
        self,
        places: Sequence[ValidCall | CallFailure],
        new: Sequence[ValidCall | CallFailure],
        known_tools: Container[str],
        attempts: Mapping[int, Sequence[CallFailure]],
        asked: int,
    ) -> None:
        self.new = [_Reading(outcome, known_tools) for outcome in new]
        self.places = [_Reading(outcome, known_tools) for outcome in places]
        self.asked = asked
        self.attempts = {
            place: [_Reading(attempt, known_tools) for attempt in earlier] for place, earlier in attempts.items()
        }
        self.tools = [
            next((attempt.name for attempt in self._attempts_at(place) if attempt.name is not None), None)
            for place in range(len(places))
        ]
        """The tool that was last named for each place; ``None`` if only names were given that are not a tool's."""
        self.corrections: dict[int, int] = {}
        self.repeats: dict[int, int] = {}
        """New call to the accepted place that it repeats."""
        self.open_failures = {place: None for place, reading in enumerate(self.places) if not reading.is_good}
        self.open_calls = dict.fromkeys(range(len(new)))
        self.open_accepted = {place: None for place, reading in enumerate(self.places) if reading.is_good}
        """Those that no new call repeats."""
        self.failed = tuple(self.open_failures)
        self.accepted: dict[object, list[int]] = {}
        """What makes a good call the same as others, to the accepted places where it stands, the first one last."""
        for place in reversed(self.open_accepted):
            for key in self._keys(self.places[place]):
                self.accepted.setdefault(key, []).append(place)
        self.keys = [tuple(self._keys(reading)) if self.accepted else () for reading in self.new]
        self.argument_names = frozenset(
            name.casefold() for reading in (*self.places, *self.new) for name in reading.arguments
        )

    # -- the parts of the rules, in their order

    def unchanged(self, same: Iterable[int]) -> set[int]:
        """Failed calls that a place's latest call was already, where good ones may be meant for that place.

        That is so if more calls are the same as accepted ones than there are such.
        """
        groups = [max((self.accepted.get(key, []) for key in self.keys[call]), key=len) for call in same]
        made = Counter(group[0] for group in groups)
        if all(made[group[0]] <= len(group) for group in groups):
            return set()
        written = {self.places[place].written() for place in self.open_failures}
        return {call for call in self.open_calls if not self.new[call].is_good and self.new[call].written() in written}

    def pair_exactly(self, calls: Collection[int], *, doubtful: bool = True) -> None:
        self.pair_keeping(calls, doubtful=doubtful)
        if any(reading.name is None for reading in self.new) or any(map(self._is_nameless, self.open_failures)):
            self.pair_keeping(calls, name_matters=False, doubtful=doubtful)
        self.pair_same_words(calls, doubtful=doubtful)

    def pair_same_words(self, calls: Container[int], *, doubtful: bool) -> None:
        """Pair calls that have just the words of an attempt, looked up as well."""
        waiting: dict[frozenset[str], list[int]] = {}
        for place in self.open_failures:
            if doubtful or place < self.asked:
                for attempt in self._attempts_at(place):
                    if words := attempt.words(self.argument_names):
                        waiting.setdefault(words, []).append(place)
        groups: dict[frozenset[str], list[int]] = {}
        for call in self.open_calls:
            words = self.new[call].words(self.argument_names)
            if call in calls and words in waiting:
                groups.setdefault(words, []).append(call)
        for words, group in groups.items():
            places = [place for place in dict.fromkeys(waiting[words]) if place in self.open_failures]
            self._pair_group(places, group, any_tool=False)

    def pair_keeping(
        self, calls: Container[int], *, name_matters: bool = True, any_tool: bool = False, doubtful: bool = True
    ) -> None:
        """Pair calls that keep an attempt, looked up and not compared: each set of arguments costs one pass.

        Args:
            calls: Those that may correct.
            name_matters: Under the same name only.
            any_tool: Whatever the names are; else only under the same name, or where one is not a tool's.
            doubtful: Whether doubtful places may be corrected.
        """
        waiting: dict[frozenset[str], dict[tuple[str | None, object], list[int]]] = {}
        for place in self.open_failures:
            if not doubtful and place >= self.asked:
                continue
            for attempt in self._attempts_at(place):
                if kept := attempt.sound:
                    keys = waiting.setdefault(frozenset(kept), {})
                    part = attempt.part(kept)
                    if not name_matters or attempt.name is not None:
                        keys.setdefault((attempt.name if name_matters else None, part), []).append(place)
        for names in sorted(waiting, key=_largest_first)[:_MAX_SHAPES]:
            groups: dict[tuple[str | None, object], list[int]] = {}
            for call in self.open_calls:
                reading = self.new[call]
                if call in calls and names <= reading.arguments.keys():
                    key = (reading.name if name_matters else None, reading.part(names))
                    if key in waiting[names]:
                        groups.setdefault(key, []).append(call)
            for key, group in groups.items():
                places = [place for place in dict.fromkeys(waiting[names][key]) if place in self.open_failures]
                self._pair_group(places, group, any_tool=any_tool)

    def _pair_group(self, places: Sequence[int], calls: Sequence[int], *, any_tool: bool) -> None:
        """Pair calls with places in order; where there are more calls than places, good ones before failed ones."""
        if len(calls) > len(places):
            good = [call for call in calls if self.new[call].is_good]
            failed = [call for call in calls if not self.new[call].is_good]
            calls = sorted([*good, *failed][: len(places)])
        waiting: dict[str | None, deque[int]] = {}
        for place in places:
            waiting.setdefault(None if any_tool else self.tools[place], deque()).append(place)
        for call in calls:
            name = self.new[call].name
            fitting = [
                queue for tool, queue in waiting.items() if queue and (name is None or tool is None or tool == name)
            ]
            if fitting:
                self._pair(min(fitting, key=lambda queue: queue[0]).popleft(), call)

    def repeats_without_cause(self, same: Iterable[int]) -> bool:
        """Whether a call is the same as an accepted one and keeps no attempt: a plain repetition."""
        shapes: dict[frozenset[str], set[object]] = {}
        words: set[tuple[str | None, frozenset[str]]] = set()
        for place in self.failed:
            if place >= self.asked:
                continue
            for attempt in self._attempts_at(place):
                words.add((attempt.name, attempt.words(self.argument_names)))
                kept = frozenset(attempt.sound)
                if kept and (len(shapes) < _MAX_SHAPES or kept in shapes):
                    shapes.setdefault(kept, set()).add((attempt.name, attempt.part(kept)))
        return any(
            not any(
                names <= reading.arguments.keys()
                and not keys.isdisjoint([(reading.name, reading.part(names)), (None, reading.part(names))])
                for names, keys in shapes.items()
            )
            and words.isdisjoint([(name, reading.words(self.argument_names)) for name in (reading.name, None)])
            for reading in map(self.new.__getitem__, same)
        )

    def take_repeats(self) -> None:
        for call in sorted(self.open_calls, key=lambda call: not self.new[call].is_good):
            for key in self.keys[call]:
                places = self.accepted.get(key, [])
                while places and places[-1] not in self.open_accepted:
                    places.pop()
                if places:
                    self._repeat(places.pop(), call)
                    break

    def take_garbled_repeats(self) -> None:
        """Find the place of failed calls whose sound arguments all stand there: looked up, not compared."""
        garbled = [call for call in self.open_calls if not self.new[call].is_good]
        if not garbled:
            return
        self._take_equal_attempts(garbled)
        shapes = {frozenset(self.new[call].sound) for call in garbled if call in self.open_calls}
        for names in sorted(shapes - {frozenset()}, key=_largest_first)[:_MAX_SHAPES]:
            index: dict[object, list[int]] = {}
            for place in (*self.open_failures, *self.open_accepted):
                reading = self.places[place]
                if names <= reading.sound.keys():
                    part = reading.part(names)
                    for name in {reading.name, None}:
                        index.setdefault((name, part), []).append(place)
            for key in index:
                index[key].reverse()
            for call in garbled:
                reading = self.new[call]
                if call in self.open_calls and reading.sound.keys() == names:
                    candidates = index.get((reading.name, reading.part(names)), [])
                    while candidates:
                        if self._take(candidates.pop(), call):
                            break

    def _take_equal_attempts(self, garbled: Iterable[int]) -> None:
        """Failed calls that equal an attempt at an accepted place, also at one that this reply has corrected."""
        corrected = [place for call, place in self.corrections.items() if self.new[call].is_good]
        attempts: dict[object, list[int]] = {}
        for place in (*self.open_accepted, *corrected):
            for attempt in self._attempts_at(place):
                if not attempt.is_good:
                    attempts.setdefault(attempt.written(), []).append(place)
        if attempts:
            for call in garbled:
                if call in self.open_calls and (places := attempts.get(self.new[call].written())):
                    self._repeat(places[-1], call)

    def pair_alike(self) -> None:
        garbled = [call for call in self.open_calls if not self.new[call].is_good]
        if not self._may_compare(
            len(self.open_failures) * len(self.open_calls) + len(garbled) * len(self.open_accepted)
        ):
            return
        scored = [
            (
                not (self.new[call].is_good and (common or overlap > _RESEMBLES)),
                place >= self.asked,
                -common,
                -overlap,
                place,
                call,
            )
            for place in self.open_failures
            for call in self.open_calls
            if self._names_fit(place, call) and not self._contradicts(place, call)
            for common, overlap in [self._likeness(place, call)]
            if common or overlap
        ]
        scored += [
            (True, False, -common, -overlap, place, call)
            for place in self.open_accepted
            for call in garbled
            if self._names_fit(place, call) and not self._contradicts(place, call)
            for common, overlap in [self._likeness(place, call)]
            if common or overlap > _RESEMBLES
        ]
        for *_, place, call in sorted(scored):
            if call in self.open_calls:
                self._take(place, call)

    def pair_by_position(self) -> None:
        if len(self.new) != len(self.places):
            return
        recognized = {**self.corrections, **self.repeats}
        if recognized and all(call == place for call, place in recognized.items()):
            for call in tuple(self.open_calls):
                if (
                    self._names_fit(call, call)
                    and not self._contradicts(call, call)
                    and (call in self.open_failures or self._may_be_garbled(call, call))
                ):
                    self._take(call, call)

    def _may_be_garbled(self, place: int, call: int) -> bool:
        """Whether a failed call can be the one at an accepted place: it has some of its words, or none at all."""
        words = self.new[call].words(self.argument_names)
        has_others = words and words.isdisjoint(self.places[place].words(self.argument_names))
        return not self.new[call].is_good and not has_others

    def pair_in_order(self, places: Collection[int], *, within_tool: bool = False, contradicting: bool = False) -> None:
        """Pair each call with the first waiting place that it does not contradict."""
        compares = not contradicting and self._may_compare(len(places) * len(self.open_calls))
        waiting: dict[str | None, list[int]] = defaultdict(list)
        for place in reversed(tuple(places)):
            waiting[self.tools[place] if within_tool else None].append(place)
        for call in tuple(self.open_calls):
            name = self.new[call].name
            candidates = waiting[name if within_tool else None]
            if within_tool and name is None:
                continue
            for at in range(len(candidates) - 1, -1, -1):
                if not compares or not self._contradicts(candidates[at], call):
                    self._pair(candidates.pop(at), call)
                    break

    def pair_unknown_names_in_order(self) -> None:
        self.pair_in_order([place for place in self.open_failures if self.tools[place] is None])
        nameless = {call: None for call in self.open_calls if self.new[call].name is None}
        others = self.open_calls.keys() - nameless.keys()
        self.open_calls = nameless
        self.pair_in_order(self.open_failures)
        self.open_calls = dict.fromkeys(sorted(self.open_calls.keys() | others))

    def settle_equal_failures(self) -> None:
        """Give the places of equal failed calls to their corrections: good ones first, in the order of the reply."""
        groups: dict[object, list[int]] = {}
        call_at = {place: call for call, place in self.corrections.items()}
        for place in self.failed:
            groups.setdefault(tuple(attempt.written() for attempt in self._attempts_at(place)), []).append(place)
        for places in groups.values():
            calls = sorted(
                (call_at[place] for place in places if place in call_at),
                key=lambda call: (not self.new[call].is_good, call),
            )
            if len(places) > 1 and calls:
                self.corrections.update(zip(calls, places, strict=False))

    def withdrawn(self) -> Iterator[int]:
        """Doubtful places that were repetitions."""
        repeated = [call for call in self.repeats if self.new[call].is_good]
        for place in self.open_failures:
            if place < self.asked or not self._may_compare(len(repeated) * len(self.open_failures)):
                continue
            for call in repeated:
                reading = self.places[place]
                tells_nothing = not reading.sound and not reading.words(self.argument_names)
                if (
                    self._names_fit(place, call)
                    and not self._contradicts(place, call)
                    and (tells_nothing or any(self._likeness(place, call)))
                ):
                    repeated.remove(call)
                    yield place
                    break

    # -- what they need

    @staticmethod
    def _keys(reading: _Reading) -> Iterable[object]:
        if isinstance(reading.outcome, ValidCall):
            return keys_of(reading.outcome, reading.arguments if reading.whole else None)
        return (reading.written(),) if reading.whole else ()

    def _attempts_at(self, place: int) -> Iterator[_Reading]:
        """The latest call first."""
        yield self.places[place]
        yield from reversed(self.attempts.get(place, ()))

    def _is_nameless(self, place: int) -> bool:
        """Whether a place's latest call has a name that is not a tool's."""
        return self.places[place].name is None

    def _pair(self, place: int, call: int) -> None:
        self.corrections[call] = place
        del self.open_failures[place]
        del self.open_calls[call]

    def _repeat(self, place: int, call: int) -> None:
        self.repeats[call] = place
        self.open_accepted.pop(place, None)
        del self.open_calls[call]

    def _take(self, place: int, call: int) -> bool:
        """Give a call to a place, whatever the place's state, if it is still open."""
        if place in self.open_failures:
            self._pair(place, call)
        elif place in self.open_accepted:
            self._repeat(place, call)
        else:
            return False
        return True

    def _names_fit(self, place: int, call: int) -> bool:
        one, other = self.tools[place], self.new[call].name
        return one is None or other is None or one == other

    def _contradicts(self, place: int, call: int) -> bool:
        one, other = self.places[place], self.new[call]
        if not (one.certain and other.certain):
            return False
        shared = one.sound.keys() & other.sound.keys()
        if not shared and one.sound and other.sound and (one.name is None or other.name is None):
            return one.words(self.argument_names).isdisjoint(other.words(self.argument_names))
        return any(not self._resemble(one, other, name) for name in shared)

    def _likeness(self, place: int, call: int) -> tuple[int, float]:
        """Arguments in common with the latest call at a place, and the share of words with its most similar attempt."""
        old, new = self.places[place], self.new[call]
        common = sum(name in new.arguments and old.frozen(name) == new.frozen(name) for name in old.arguments)
        words = new.words(self.argument_names)
        return common, max(_overlap(attempt.words(self.argument_names), words) for attempt in self._attempts_at(place))

    @staticmethod
    def _resemble(one: _Reading, other: _Reading, name: str) -> bool:
        left, right = one.arguments[name], other.arguments[name]
        if isinstance(left, bool) or isinstance(right, bool) or not left or not right:
            return True  # a switch, or a value that was left out, does not tell calls apart
        return one.frozen(name) == other.frozen(name) or not one.words_of(name).isdisjoint(other.words_of(name))

    @staticmethod
    def _may_compare(pairs: int) -> bool:
        return pairs <= _MAX_COMPARED_PAIRS


def _largest_first(names: frozenset[str]) -> tuple[int, list[str]]:
    return -len(names), sorted(names)


def _words_of(values: Iterable[object]) -> frozenset[str]:
    try:
        text = " ".join(map(str, values))
    except ValueError:  # a whole number of more digits than Python writes
        return frozenset()
    return frozenset(_WORD.findall(text[:_MAX_COMPARED_CHARACTERS].casefold()))


def _overlap(left: frozenset[str], right: frozenset[str]) -> float:
    union = len(left | right)
    return len(left & right) / union if union else 0.0
