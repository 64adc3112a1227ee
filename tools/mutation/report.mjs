// Survivors with their lines, and the score of each folder.

const WIDTH = 72

const short = (text) => {
  const line = text.replaceAll(/\s+/g, ' ').trim()
  return line.length > WIDTH ? `${line.slice(0, WIDTH - 1)}…` : line
}

const changeOf = ({ form, operator, from, text }) => {
  if (form === 'entry') return 'the function returns at once'
  if (form === 'statement') return `without ${short(from)}`
  if (operator === 'return') return `returns undefined, not ${short(from)}`
  return `${short(from)}  ->  ${short(text)}`
}

const ENDS = ['killed', 'hung', 'survived', 'untested']

const figuresOf = (results, sites) => {
  const tried = results.length
  const counts = ENDS.map((end) => results.filter((result) => result.end === end).length)
  const noticed = counts[0] + counts[1]
  const share = noticed / tried
  // Agresti and Coull: two more of each, so that a few mutants with one end do not look certain.
  const likely = (noticed + 2) / (tried + 4)
  const variance = ((likely * (1 - likely)) / (tried + 4)) * (1 - tried / sites)
  return { sites, tried, counts, share, variance }
}

const sumOf = (numbers) => numbers.reduce((sum, one) => sum + one, 0)

/** Folders weigh as much as they have sites, not as much as was tried of them. */
const together = (folders) => {
  const sites = sumOf(folders.map((one) => one.sites))
  return {
    sites,
    tried: sumOf(folders.map((one) => one.tried)),
    counts: ENDS.map((_, index) => sumOf(folders.map((one) => one.counts[index]))),
    share: sumOf(folders.map((one) => (one.share * one.sites) / sites)),
    variance: sumOf(folders.map((one) => one.variance * (one.sites / sites) ** 2)),
  }
}

/** The margin is that of 19 such choices in 20. */
const rowOf = (name, { sites, tried, counts, share, variance }) =>
  [
    name.padEnd(24),
    ...[sites, tried, ...counts].map((number) => String(number).padStart(9)),
    `${(100 * share).toFixed(0)} %`.padStart(8),
    `± ${(196 * Math.sqrt(variance)).toFixed(0)}`.padStart(6),
  ].join('')

/**
 * @param {readonly (import('./sample.mjs').Mutant & { end: 'killed' | 'hung' | 'survived' | 'untested' })[]} results
 * @param {ReadonlyMap<string, number>} sites By folder.
 */
export const report = (results, sites) => {
  const left = results.filter(({ end }) => end === 'survived' || end === 'untested')
  left.sort((a, b) => a.path.localeCompare(b.path) || a.line - b.line || a.start - b.start)
  const lines = left.map((mutant) => {
    const mark = mutant.end === 'untested' ? '  (no test comes here)' : ''
    return `${mutant.path}:${mutant.line}  ${mutant.operator}: ${changeOf(mutant)}${mark}`
  })
  const names = [...new Set(results.map(({ folder }) => folder))]
  names.sort((a, b) => a.localeCompare(b))
  const folders = names.map((name) =>
    figuresOf(
      results.filter(({ folder }) => folder === name),
      sites.get(name),
    ),
  )
  const head = ['sites', 'tried', ...ENDS].map((word) => word.padStart(9)).join('')
  const table = [
    `${'folder'.padEnd(24)}${head}${'score'.padStart(8)}`,
    ...names.map((name, index) => rowOf(name, folders[index])),
  ]
  if (names.length > 1) table.push(rowOf('all, by sites', together(folders)))
  return [...lines, '', ...table].join('\n')
}
