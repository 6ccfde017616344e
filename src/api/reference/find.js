/** Show what holds all the words of the filter, in the page and in its contents. */
export function filterOnInput({ main, nav, search }) {
  const apply = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    document.body.classList.toggle("filtered", words.length > 0);
    for (const article of main.querySelectorAll("[data-text]")) {
      const found = words.every((word) => article.dataset.text.includes(word));
      article.hidden = !found;
      nav.querySelector(`[data-for="${CSS.escape(article.id)}"]`).hidden = !found;
    }
    for (const part of document.querySelectorAll(".chapter, .nav-chapter"))
      part.hidden = part.querySelector("[data-text]:not([hidden]), [data-for]:not([hidden])") === null;
  };
  search.addEventListener("input", apply);
  addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== search) {
      event.preventDefault();
      search.focus();
    } else if (event.key === "Escape" && document.activeElement === search) {
      search.value = "";
      apply();
      search.blur();
    }
  });
}

/** The page is built after the browser looked for the hash. */
export function followHash() {
  document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

/** Mark in the contents what the reader is looking at. */
export function watchScroll({ main, nav }) {
  const visible = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries)
        nav.querySelector(`[data-for="${CSS.escape(target.id)}"]`)?.classList.toggle("here", isIntersecting);
    },
    { rootMargin: "-20% 0px -70% 0px" },
  );
  for (const article of main.querySelectorAll(".operation")) visible.observe(article);
}
