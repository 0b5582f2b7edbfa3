// Light or dark: what was chosen, else what the system prefers. Runs before the first paint.
(() => {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const current = () => localStorage.getItem("theme") || (system.matches ? "dark" : "light");
  const apply = () => root.setAttribute("data-bs-theme", current());
  apply();
  system.addEventListener("change", apply);
  addEventListener("DOMContentLoaded", () => {
    document.getElementById("theme").addEventListener("click", () => {
      localStorage.setItem("theme", current() === "dark" ? "light" : "dark");
      apply();
    });
  });
})();
