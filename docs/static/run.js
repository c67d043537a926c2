// The Run button below the six lines. The engine, the weights and the images are fetched when it is pressed.
for (const place of document.querySelectorAll('.run-here:not([data-ready])')) {
  const [button, words] = [place.querySelector('button'), place.querySelector('span')];
  place.dataset.ready = '';
  button.addEventListener('click', () => {
    const script = document.createElement('script');
    const mount = () => {
      place.replaceChildren();
      window.fastlearnParts.mountSixLines(place, { isPressed: true });
    };
    const failed = () => {
      words.textContent = 'the engine could not be fetched; check the network connection and reload the page';
      button.disabled = false;
    };
    button.disabled = true;
    Object.assign(script, { src: place.dataset.engine, onload: mount, onerror: failed });
    document.head.append(script);
  });
}
