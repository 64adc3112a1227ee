import { expect, it } from 'vitest'
import { TitleUpdates } from './title-updates.ts'

const setUp = (answers: readonly (string | undefined)[] = []) => {
  const set: string[] = []
  const problems: string[] = []
  const waiting: (() => void)[] = []
  const titles = new TitleUpdates({
    set: async (title) => {
      const answer = answers[set.push(title) - 1]
      await new Promise<void>((resolve) => waiting.push(resolve))
      return answer
    },
    onProblem: (why) => problems.push(why),
  })
  const answer = async (): Promise<void> => {
    waiting.shift()?.()
    for (let turn = 0; turn < 5; turn++) await Promise.resolve()
  }
  return { titles, set, problems, answer }
}

it('sends the newest title when several came during a request', async () => {
  const { titles, set, answer } = setUp()
  titles.requestTitle('a')
  titles.requestTitle('b')
  titles.requestTitle('c')
  await answer()
  await answer()
  await titles.settled()
  expect(set).toEqual(['a', 'c'])
  expect([titles.lastTitle, titles.count]).toEqual(['c', 2])
})

it('does not send the same title twice', async () => {
  const { titles, set, answer } = setUp()
  titles.requestTitle('a')
  await answer()
  titles.requestTitle('a')
  await titles.settled()
  expect(set).toEqual(['a'])
})

it('sends a new mount the title of the old one, also when that was pending', async () => {
  const { titles, set, answer } = setUp()
  titles.requestTitle('a')
  titles.restart('a')
  await answer()
  await answer()
  await titles.settled()
  expect(set).toEqual(['a', 'a'])
  expect(titles.count).toBe(1)
})

it('tries a refused title again when it is wanted again, and not before', async () => {
  const { titles, set, problems, answer } = setUp(['400 Source does not exist'])
  titles.requestTitle('a')
  await answer()
  await titles.settled()
  expect([set.length, titles.errors, titles.lastTitle]).toEqual([1, 1, undefined])
  expect(problems).toEqual(['400 Source does not exist'])
  titles.requestTitle('a')
  await answer()
  await titles.settled()
  expect(titles.lastTitle).toBe('a')
})
