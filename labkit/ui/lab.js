() => {
  // On a narrow window the sidebar would cover half the page; its button stays.
  if (window.innerWidth < 1100) document.querySelector(".sidebar.open .toggle-button")?.click();
}
