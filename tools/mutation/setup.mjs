// Loaded before each test file: says which mutant lives, or records which are reached.
import { afterEach, beforeEach, inject } from 'vitest'

const living = inject('mutant')

const recorder = () => {
  // Modules outlive the file that loaded them, and ask the function that they found.
  // Loading happens once, so what it reaches adds up; what tests reach is counted for each file.
  const state = { running: 0, loaded: [], tested: [] }
  const ask = (id) => {
    const reached = state.running > 0 ? state.tested : state.loaded
    reached[id] = true
    return false
  }
  return Object.assign(ask, { state })
}

if (living === null) {
  globalThis.__mutant ??= recorder()
  const { state } = globalThis.__mutant
  state.tested = []
  beforeEach(() => {
    state.running++
  })
  afterEach(({ task }) => {
    state.running--
    task.file.meta.reached = {
      loaded: Object.keys(state.loaded).map(Number),
      tested: Object.keys(state.tested).map(Number),
    }
  })
} else {
  globalThis.__mutant = (id) => id === living
}
