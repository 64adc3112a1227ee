/** Steps of insertion, deletion, replacement and swap of neighbours that lead from one text to the other. */
export const editDistance = (from: string, to: string): number => {
  let before: number[] = []
  let last = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let row = 1; row <= from.length; row++) {
    const current = [row]
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1]
      let best = Math.min(
        last[column]! + 1,
        current[column - 1]! + 1,
        last[column - 1]! + (same ? 0 : 1),
      )
      const swapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]
      if (row > 1 && column > 1 && swapped) best = Math.min(best, before[column - 2]! + 1)
      current.push(best)
    }
    before = last
    last = current
  }
  return last[to.length]!
}

/** Case, `_` and `-` are the usual mistakes, so they cost nothing: `latency_ms` is `latencyMs`. */
const normalise = (word: string): string => word.toLowerCase().replaceAll(/[_-]/g, '')

/** The known word that was probably meant, or undefined where none is close (a third of its letters may be wrong). */
export const nearest = (word: string, known: readonly string[]): string | undefined => {
  const meant = normalise(word).slice(0, 100)
  let best: { word: string; distance: number } | undefined
  for (const candidate of known) {
    const distance = editDistance(meant, normalise(candidate))
    if (distance <= Math.ceil(candidate.length / 3) && distance < (best?.distance ?? Infinity)) {
      best = { word: candidate, distance }
    }
  }
  return best?.word
}

/** `; did you mean "mode"?`, or nothing. */
export const didYouMean = (word: string, known: readonly string[]): string => {
  const meant = nearest(word, known)
  return meant === undefined ? '' : `; did you mean ${JSON.stringify(meant)}?`
}
