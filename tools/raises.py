"""Every error and warning that the package can show, on one page: python tools/raises.py [--short]

Prints `module:line  Error  text` for each `raise` and each warning of fastlearn/, module by module; `{}` stands for a
value. Texts are followed through variables, choices and functions. With --short it prints only what tests/test_words.py
refuses: no text, or fewer than WORDS words.
"""
import argparse, ast, sys
from collections.abc import Iterator
from typing import NamedTuple

from house import module_files

WORDS = 6  # fewer cannot say what happened, to what, and what to do next
WITHOUT_TEXT = {'StopIteration', 'KeyboardInterrupt', 'NotImplementedError', 'GeneratorExit', 'AttributeError'}
WARN = {'warn', 'warn_once', 'warn_explicit'}


class Message(NamedTuple):
    "An error or a warning, as the source writes it"
    module: str
    line: int
    error: str             # name of its class
    texts: tuple[str, ...]   # several where the source chooses; empty where there is none

    def __str__(self) -> str:
        texts = dict.fromkeys(self.texts or ('(no text)',))
        return '\n'.join(f'{self.module}:{self.line}  {self.error}  {text}' for text in texts)


def name_of(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ''


class Texts:
    "Finds the texts of expressions in one module, through its variables and its functions"

    def __init__(self, tree: ast.Module, everywhere: dict[str, list[ast.AST]]):
        self.everywhere = everywhere
        self.scope = {}

    def of(self, node: ast.AST | None, depth: int = 0) -> list[str]:
        "The texts that an expression may be; a value that is not text is {}"
        if node is None or depth > 5: return ['{}']
        match node:
            case ast.Constant(): return [str(node.value)]
            case ast.JoinedStr(): return self.joined(node.values, depth)
            case ast.FormattedValue(): return self.of(node.value, depth + 1) if self.is_text(node.value) else ['{}']
            case ast.BinOp(op=ast.Add()): return self.joined([node.left, node.right], depth)
            case ast.IfExp(): return self.of(node.body, depth) + self.of(node.orelse, depth)
            case ast.BoolOp(): return [text for value in node.values for text in self.of(value, depth)]
            case ast.Name() if node.id in self.scope: return self.of(self.scope[node.id], depth + 1)
            case ast.Call(): return self.called(node, depth)
        return ['{}']

    def is_text(self, node: ast.AST) -> bool:
        return isinstance(node, (ast.IfExp, ast.JoinedStr, ast.Constant)) or name_of(node) in self.scope \
            or (isinstance(node, ast.Call) and name_of(node.func) in self.everywhere)

    def joined(self, parts: list[ast.AST], depth: int) -> list[str]:
        texts = ['']
        for part in parts: texts = [before + text for before in texts for text in self.of(part, depth)][:8]
        return texts

    def called(self, node: ast.Call, depth: int) -> list[str]:
        if name_of(node.func) == 'join': return ['{}']
        found = [text for value in self.everywhere.get(name_of(node.func), ()) for text in self.of(value, depth + 1)]
        return [text for text in found if text != '{}'] or ['{}']


def returned(function: ast.FunctionDef) -> list[ast.AST]:
    "What a function returns that could be text"
    return [node.value for node in ast.walk(function) if isinstance(node, ast.Return) and node.value is not None]


def functions(trees: dict[str, ast.Module]) -> dict[str, list[ast.AST]]:
    "Name of a function -> the expressions it returns; for names that only one module defines"
    found = {}
    for tree in trees.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef): found.setdefault(node.name, []).append(returned(node))
    return {name: values[0] for name, values in found.items() if len(values) == 1}


def assigned(function: ast.AST) -> dict[str, ast.AST]:
    "Name -> the last text that is given to it inside a function"
    found = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            if isinstance(node.value, (ast.JoinedStr, ast.IfExp, ast.BinOp)) or \
                    isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
                found[node.targets[0].id] = node.value
    return found


def constants(tree: ast.Module) -> dict[str, ast.AST]:
    "Name -> the text that it has in the whole module"
    return {name: text for node in tree.body if isinstance(node, ast.Assign) for name, text in assigned(node).items()}


def errors(module: str, tree: ast.Module, everywhere: dict[str, list[ast.AST]]) -> Iterator[Message]:
    "The raises and warnings of one module; those that raise a caught error again are left out"
    texts, outer = Texts(tree, everywhere), constants(tree)
    parents = {child: parent for parent in ast.walk(tree) for child in ast.iter_child_nodes(parent)}
    for node in ast.walk(tree):
        call = node.exc if isinstance(node, ast.Raise) else node if isinstance(node, ast.Call) else None
        if isinstance(node, ast.Call) and name_of(node.func) not in WARN or call is None: continue
        function = node
        while function in parents and not isinstance(function, ast.FunctionDef): function = parents[function]
        texts.scope = outer | assigned(function)
        if isinstance(call, ast.Call) and isinstance(node, ast.Raise):
            error = name_of(call.func)
            if error in everywhere and error[:1].islower():   # a function that makes the error
                for made in everywhere[error]:
                    if isinstance(made, ast.Call): yield message(module, node.lineno, made, texts)
            else: yield message(module, node.lineno, call, texts)
        elif isinstance(node, ast.Call):
            yield Message(module, node.lineno, 'warning', tuple(texts.of(node.args[0] if node.args else None)))
        elif isinstance(call, ast.Name) and call.id[:1].isupper(): yield Message(module, node.lineno, call.id, ())


def message(module: str, line: int, call: ast.Call, texts: Texts) -> Message:
    return Message(module, line, name_of(call.func), tuple(texts.of(call.args[0]) if call.args else ()))


def messages() -> list[Message]:
    "Of the whole package, module by module"
    trees = {module: ast.parse(path.read_text(encoding='utf-8')) for module, path in module_files().items()}
    everywhere = functions(trees)
    return [found for module, tree in trees.items()
            for found in sorted(errors(module, tree, everywhere), key=lambda found: found.line)]


def too_short(found: Message) -> bool:
    "No text, or one of fewer than WORDS words; a value counts as one, and one after a colon says the rest"
    if not found.texts: return found.error not in WITHOUT_TEXT
    return any(text != '{}' and not text.endswith(': {}') and len(text.split()) < WORDS for text in found.texts)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--short', action='store_true', help='only those that the test refuses')
    args = parser.parse_args()
    found = [one for one in messages() if too_short(one) or not args.short]
    print(*found, sep='\n')
    print(f'{len(found)} errors and warnings')
    return 0


if __name__ == '__main__': sys.exit(main())
