import { expect, test } from 'vitest'
import { tomlLines } from './toml-lines.ts'

const text = `# a comment with key = 1
name = "x # y"
"quoted.key" = 1
a.b = 2
text = """
not = "a key"
[[not a table]] \\""" still
"""
list = [
  "x]", # ]
  'y',
]
after = 1
[[sources]]
url = "a"
[sources.thresholds]
stallMs = 1
[[sources]]
id = 'b'
`

test.each<[readonly (string | number)[], number | undefined]>([
  [['name'], 2],
  [['quoted.key'], 3],
  [['a', 'b'], 4],
  [['not'], undefined],
  [['after'], 13],
  [['sources', 0], 14],
  [['sources', 0, 'url'], 15],
  [['sources', 0, 'thresholds', 'stallMs'], 17],
  [['sources', 1], 18],
  [['sources', 1, 'id'], 19],
])('%j stands on line %s', (path, line) => {
  expect(tomlLines(text).get(JSON.stringify(path))).toBe(line)
})
