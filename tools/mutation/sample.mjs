// A choice among sites that the seed repeats: so many of each folder, in an order in which any beginning is a choice too.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { instrument } from './instrument.mjs'
import { folderOf, ROOT } from './scope.mjs'
import { sitesOf } from './sites.mjs'

/** FNV-1a, then Mulberry32: numbers from 0 to 1. */
const randomOf = (seed) => {
  let state = 0x811c9dc5
  for (const sign of seed) state = Math.imul(state ^ sign.codePointAt(0), 0x01000193)
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const shuffled = (items, random) => {
  const copy = [...items]
  for (let last = copy.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1))
    ;[copy[last], copy[other]] = [copy[other], copy[last]]
  }
  return copy
}

const lineOf = (text, offset) => text.slice(0, offset).split('\n').length

/**
 * @typedef {import('./sites.mjs').Site & { id: number, path: string, folder: string, line: number, text: string, from: string }} Mutant
 * @param {readonly string[]} paths
 * @param {{ max: number, seed: string }} choice
 * @returns {{ mutants: Mutant[], texts: Map<string, string>, sites: Map<string, number> }} Mutants in order, texts of files
 * with theirs, and how many sites a folder has.
 */
export const sample = (paths, { max, seed }) => {
  const parsed = new Map()
  const byFolder = new Map()
  for (const path of paths) {
    const source = readFileSync(join(ROOT, path), 'utf8')
    const { sites, statements } = sitesOf(path, source)
    parsed.set(path, { source, statements })
    const folder = folderOf(path) ?? 'src'
    if (!byFolder.has(folder)) byFolder.set(folder, [])
    byFolder.get(folder).push(...sites.map((site) => ({ ...site, path, folder })))
  }
  const chosen = [...byFolder].flatMap(([folder, sites]) => {
    const random = randomOf(`${seed}:${folder}`)
    return shuffled(sites, random)
      .slice(0, max)
      .map((site) => ({ ...site, variant: Math.floor(random() * site.variants.length) }))
  })
  const mutants = shuffled(chosen, randomOf(seed)).map(({ variants, variant, ...site }, id) => {
    const { source } = parsed.get(site.path)
    const from = site.form === 'entry' ? '' : source.slice(site.start, site.end)
    return { ...site, id, text: variants[variant], from, line: lineOf(source, site.start) }
  })
  const texts = new Map()
  for (const path of new Set(mutants.map((mutant) => mutant.path))) {
    const { source, statements } = parsed.get(path)
    const own = mutants.filter((mutant) => mutant.path === path)
    texts.set(path, instrument(source, statements, own))
  }
  return { mutants, texts, sites: new Map([...byFolder].map(([name, all]) => [name, all.length])) }
}
