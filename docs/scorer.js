// How Sphinx's search ranks what it finds: as by default, but a term of the glossary comes before all else.
var Scorer = {
  score: ([page, title, anchor, description, score, source, kind]) =>
    score + (page === 'terms' && anchor && kind === 'title' ? 50 : 0),
  objNameMatch: 11, objPartialMatch: 6, objPrio: { 0: 15, 1: 5, 2: -5 }, objPrioDefault: 0,
  title: 15, partialTitle: 7, term: 5, partialTerm: 2,
};
