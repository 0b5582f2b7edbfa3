// Swagger UI over our own document. Nothing is asked of another host: no validator, no badge.
(() => {
  const root = document.documentElement;
  const place = document.getElementById("api");

  // Its dark look hangs on a class of its own; ours on an attribute that theme.js keeps.
  const follow = () => root.classList.toggle("dark-mode", root.dataset.bsTheme === "dark");
  new MutationObserver(follow).observe(root, { attributeFilter: ["data-bs-theme"] });
  follow();

  // Fields of parameters have no name of their own, only a cell beside them. And each table of
  // answers calls itself a region, without a name: it is a table.
  const mend = () => {
    for (const field of place.querySelectorAll("tr[data-param-name] :is(select, input, textarea)")) {
      field.setAttribute("aria-label", field.closest("tr").dataset.paramName);
    }
    place.querySelectorAll("table[role=region]").forEach((table) => table.removeAttribute("role"));
  };
  new MutationObserver(mend).observe(place, { childList: true, subtree: true });

  const plugin = ({ React }) => ({
    components: {
      // A link inside of the button that opens the operation would be a button in a button.
      DeepLink: ({ text }) => React.createElement("span", null, text),
      // Theirs brings a second <main>, and a choice among one server.
      PortalLayout: ({ getComponent }) => {
        const parts = ["errors", "AuthorizeBtnContainer", "operations"];
        const shown = parts.map((part) => React.createElement(getComponent(part, true), { key: part }));
        return React.createElement("div", { className: "swagger-ui" }, shown);
      },
    },
  });

  SwaggerUIBundle({
    url: place.dataset.document,
    domNode: place,
    plugins: [plugin],
    layout: "PortalLayout",
    deepLinking: true,
    docExpansion: "list",
    validatorUrl: null,
  });
})();
