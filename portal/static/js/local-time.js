// Shows each <time> in the reader's own zone; the page carries UTC, which stays as the title.
const localTimes = (root) => {
  const format = new Intl.DateTimeFormat(document.documentElement.lang, {
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
