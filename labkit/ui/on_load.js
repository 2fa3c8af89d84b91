// `element`, `props` and `watch` are Gradio's.
const redraw = () => draw(element, props.value);
watch("value", redraw);
redraw();
