// The index of names: hides names that do not contain the typed letters.
addEventListener('DOMContentLoaded', () => {
  const [input, count] = ['filter-names', 'filter-count'].map((id) => document.getElementById(id));
  const items = [...document.querySelectorAll('ul.names li')];
  input.addEventListener('input', () => {
    const wanted = input.value.trim().toLowerCase();
    for (const item of items) {
      const names = [item, ...item.querySelectorAll('li')].map((one) => one.dataset.name);
      item.hidden = !names.some((name) => name.includes(wanted));
    }
    for (const list of document.querySelectorAll('section > ul.names')) {
      list.closest('section').hidden = !list.querySelector('li:not([hidden])');
    }
    const left = items.filter((item) => !item.hidden && item.dataset.name.includes(wanted)).length;
    count.textContent = wanted ? `${left} of ${items.length} names` : '';
  });
});
