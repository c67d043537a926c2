// Mounts the page "Teach it your pictures" once its script is there.
for (const place of document.querySelectorAll('[data-teach]:not([data-ready])')) {
  place.dataset.ready = '';
  place.replaceChildren();
  window.fastlearnParts.mountTeach(place);
}
