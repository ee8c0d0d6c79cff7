// Texts that a reader sees, in the reader's language.

/** The text with its named places filled: t('Sales of {unit}', {unit}). */
function t(text, places = {}) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in places ? String(places[name]) : whole));
}
