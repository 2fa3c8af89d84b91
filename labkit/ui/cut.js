// Where the slider stands, before it was ever moved too.
const cutNow = () =>
  window.labkit?.threshold ?? Number(document.querySelector('#lk-decide input[type="number"]')?.value || 0);
