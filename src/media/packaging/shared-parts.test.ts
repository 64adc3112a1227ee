import { expect, it } from 'vitest'
import { SharedParts, type Runnable } from './shared-parts.ts'

/** Ends after its abort, when its end is allowed. */
class Part implements Runnable {
  readonly diary: string[]
  readonly name: string
  release: () => void = () => undefined

  constructor(name: string, diary: string[]) {
    this.name = name
    this.diary = diary
  }

  async run(signal: AbortSignal): Promise<void> {
    this.diary.push(`${this.name} runs`)
    await new Promise<void>((resolve) => {
      this.release = resolve
      signal.addEventListener('abort', () => this.diary.push(`${this.name} is aborted`))
    })
    this.diary.push(`${this.name} ended`)
  }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

it('runs a part as long as it has users', async () => {
  const diary: string[] = []
  const parts = new SharedParts<Part>()
  const make = (): Part => new Part('a', diary)
  const one = parts.lease('x', make)
  const other = parts.lease('x', make)
  await settled()
  expect(one.part).toBe(other.part)
  await one.release()
  await one.release()
  expect(diary).toEqual(['a runs'])
  const end = other.release()
  one.part.release()
  await end
  expect(diary).toEqual(['a runs', 'a is aborted', 'a ended'])
})

it('starts the next of the same name when the one before has ended', async () => {
  const diary: string[] = []
  const parts = new SharedParts<Part>()
  const first = parts.lease('x', () => new Part('a', diary))
  await settled()
  const end = first.release()
  const second = parts.lease('x', () => new Part('b', diary))
  await settled()
  expect(diary).toEqual(['a runs', 'a is aborted'])
  first.part.release()
  await end
  await settled()
  expect(diary).toEqual(['a runs', 'a is aborted', 'a ended', 'b runs'])
  const last = second.release()
  second.part.release()
  await last
})
