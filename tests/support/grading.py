"What every exercise of the course has to hold: it takes its own solution, and knows the usual mistakes by their names"
import torch
from fastlearn.course.exercises import check, find_exercise


def solved(name: str, facts: dict[str, object]) -> object:
    "What the solution of an exercise gives"
    space = {'torch': torch, **facts}
    exec(find_exercise(name).solution, space)
    return space['answer']


def takes_its_solution_and_knows_mistakes(
    name: str,
    facts: dict[str, object],
    mistakes: dict[str, object],          # name of a misconception -> an answer that shows it
    nonsense: object,                     # an answer that shows none
    **names: object,                      # what the solution needs beside the facts
) -> None:
    said = check(name, solved(name, {**names, **facts}), **facts)
    assert said.right and said.says and '{' not in said.says
    assert len(mistakes) >= 2
    for mistake, answer in mistakes.items():
        said = check(name, answer, **facts)
        assert said.mistake == mistake and not said.right and '?' in said.says and '{' not in said.says
    said = check(name, nonsense, **facts)
    assert not said.right and not said.mistake and not check(name, 'no idea', **facts).right
    assert len(find_exercise(name).hints) >= 2 and not check(name, ..., **facts).right
