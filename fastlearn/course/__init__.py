"""The path, exercises, glossary and explorers of the course. The library runs without it."""
