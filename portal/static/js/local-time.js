// Shows each <time> in the reader's own zone; the page carries UTC, which stays as the title.
const localTimes = (root) => {
  // The page's language, in the variety that the browser prefers: en-GB rather than en.
  const language = document.documentElement.lang;
  const variety = navigator.languages.find((each) => each.split("-")[0] === language.split("-")[0]);
  const format = new Intl.DateTimeFormat(variety || language, {
    dateStyle: "medium",
    timeStyle: "short",
  });
  for (const element of root.querySelectorAll("time[datetime]")) {
    if (element.title) continue;
    element.title = element.textContent;
    element.textContent = format.format(new Date(element.dateTime));
  }
};
localTimes(document);
