"What every task of the course has to hold: it takes its own solution, and knows the usual mistakes by their names"
import torch
from fastlearn.course.exercises import check, find_task


def solved(name: str, facts: dict[str, object]) -> object:
    "What the solution of a task gives"
    space = {'torch': torch, **facts}
    exec(find_task(name).solution, space)
    return space['answer']


def takes_its_solution_and_knows_mistakes(
    name: str,
    facts: dict[str, object],
    mistakes: dict[str, object],          # name of a misconception -> an answer that shows it
    nonsense: object,                     # an answer that shows none
    **names: object,                      # what the solution needs beside the facts
) -> None:
    verdict = check(name, solved(name, {**names, **facts}), **facts)
    assert verdict.right and verdict.says and '{' not in verdict.says
    assert len(mistakes) >= 2
    for mistake, answer in mistakes.items():
        verdict = check(name, answer, **facts)
        assert verdict.mistake == mistake and not verdict.right and '?' in verdict.says and '{' not in verdict.says
    verdict = check(name, nonsense, **facts)
    assert not verdict.right and not verdict.mistake and not check(name, 'no idea', **facts).right
    assert len(find_task(name).hints) >= 2 and not check(name, ..., **facts).right
