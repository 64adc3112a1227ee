/** Attributes of an element in the order given; those without a value are left out. */
export type Attributes = Readonly<Record<string, string | number | undefined>>

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\t': '&#9;',
  '\n': '&#10;',
  '\r': '&#13;',
}

/** XML 1.0, 2.2: other control characters cannot be written at all. */
// oxlint-disable-next-line no-control-regex -- control characters are removed
const UNWRITABLE = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g

/** Half a surrogate pair. */
const LONE_SURROGATE = /\p{Surrogate}/gu

export const escapeXml = (text: string): string =>
  text
    .replace(UNWRITABLE, '')
    .replace(LONE_SURROGATE, '\ufffd')
    .replace(/[&<>"\t\n\r]/g, (one) => ESCAPES[one]!)

/** `content`: elements, already written; or text, already escaped. */
export function element(
  name: string,
  attributes: Attributes,
  ...content: readonly string[]
): string {
  let head = name
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined) head += ` ${key}="${escapeXml(String(value))}"`
  }
  const inside = content.join('')
  return inside === '' ? `<${head}/>\n` : `<${head}>\n${inside}</${name}>\n`
}
