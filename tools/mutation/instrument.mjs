// All mutants of a file in one text. Each is behind a question, `__mutant(id)`, that at most one of them answers yes.

const ASK = '__mutant'
/** A name of the module, which the compiler sees through; the setup file has put it there before. */
const PRELUDE = `const ${ASK} = globalThis.${ASK}; `

const wrapperOf = ({ id, form, start, end, text }) => {
  const is = `${ASK}(${id})`
  switch (form) {
    case 'entry':
      return { start, end, before: `if(${is})${text}`, after: '' }
    case 'statement':
      return { start, end, before: `if(!${is})`, after: '' }
    default:
      return { start, end, before: `(${is}?(${text}):`, after: ')' }
  }
}

/**
 * @param {string} text
 * @param {readonly { start: number, end: number }[]} statements
 * @param {readonly { id: number, form: string, start: number, end: number, text: string }[]} mutants
 */
export const instrument = (text, statements, mutants) => {
  // A line that begins with a parenthesis would continue the one before; a line that begins with a brace does not.
  const braces = statements
    .filter(({ start, end }) => mutants.some((one) => one.start >= start && one.end <= end))
    .map(({ start, end }) => ({ start, end, before: '{', after: '}' }))
  const wrappers = [...braces, ...mutants.map(wrapperOf)]
  // Outer ones first; of equal ones, braces.
  wrappers.sort((a, b) => b.end - b.start - (a.end - a.start))
  const befores = new Map()
  const afters = new Map()
  for (const { start, end, before, after } of wrappers) {
    befores.set(start, (befores.get(start) ?? '') + before)
    afters.set(end, after + (afters.get(end) ?? ''))
  }
  const cuts = [...new Set([0, ...befores.keys(), ...afters.keys(), text.length])].sort(
    (a, b) => a - b,
  )
  const pieces = cuts.map(
    (at, index) =>
      (afters.get(at) ?? '') + (befores.get(at) ?? '') + text.slice(at, cuts[index + 1] ?? at),
  )
  return PRELUDE + pieces.join('')
}
