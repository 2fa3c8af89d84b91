// Calls `move` with where the slider stands, before it was ever moved too. A slow browser may draw
// what depends on the slider before the slider itself: then as soon as it is there.
const withCut = (move) => {
  const input = document.querySelector('#lk-decide input[type="number"]');
  const now = window.labkit?.threshold ?? (input?.value ? Number(input.value) : null);
  if (now !== null) move(now);
  else requestAnimationFrame(() => withCut(move));
};
