/**
 * Make an element. Properties are set as properties, `class` as the class, `on…` as listeners, `data-…` and `aria-…` as
 * attributes; children are elements or text, never HTML. Inline styles are not possible: the page's policy forbids them.
 */
export function h(tag, properties, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") element.className = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name.includes("-") || name === "role") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.flat(9).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Paragraphs and `code`: as much CommonMark as our descriptions use. */
export function prose(text, tag = "p") {
  return (text ?? "")
    .split(/\n{2,}/)
    .filter(Boolean)
    .map((paragraph) => h(tag, null, inline(paragraph)));
}

/** One line of text with `code` in it. */
export function inline(text) {
  return text.split("`").map((part, index) => (index % 2 === 1 ? h("code", null, part) : part));
}

/** A block of code with a button that copies it. */
export function codeBlock(text, label) {
  const button = h("button", { class: "copy", type: "button", "aria-label": `Copy: ${label}` }, "Copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Press Ctrl+C"; // no clipboard without TLS: the text is selected instead
      getSelection()?.selectAllChildren(block);
    }
    setTimeout(() => {
      button.textContent = "Copy";
    }, 1500);
  });
  const block = h("pre", { tabIndex: 0 }, h("code", null, highlight(text)));
  return h("figure", { class: "code" }, h("figcaption", null, label, button), block);
}

const tokens = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(true|false|null)\b|(-?\b\d+(?:\.\d+)?\b)|(\$NIGHTSHIFT_KEY)/g;

/** Colour for JSON and for what curl lines hold of it. */
function highlight(text) {
  const parts = [];
  let from = 0;
  for (const match of text.matchAll(tokens)) {
    const [whole, string, colon, word, number, variable] = match;
    parts.push(text.slice(from, match.index));
    if (string && colon) parts.push(h("span", { class: "t-key" }, string), colon);
    else if (string) parts.push(h("span", { class: "t-string" }, string));
    else if (word) parts.push(h("span", { class: "t-word" }, word));
    else if (number) parts.push(h("span", { class: "t-number" }, number));
    else if (variable) parts.push(h("span", { class: "t-key" }, variable));
    from = match.index + whole.length;
  }
  parts.push(text.slice(from));
  return parts;
}
