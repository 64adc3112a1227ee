// Where a file can be mutated, and to what. Strings, types and tables of names are left alone.
import { parseSync, visitorKeys } from 'oxc-parser'

/**
 * @typedef {object} Site
 * @property {string} operator
 * @property {number} start
 * @property {number} end
 * @property {'expression' | 'statement' | 'entry'} form An entry is the inside of a function's body.
 * @property {readonly string[]} variants One of these stands in place of the range; for an entry, before it.
 */

const COMPARISONS = {
  '<': ['<=', '>='],
  '<=': ['<', '>'],
  '>': ['>=', '<='],
  '>=': ['>', '<'],
  '===': ['!=='],
  '!==': ['==='],
}
const ARITHMETIC = {
  '+': ['-'],
  '-': ['+'],
  '*': ['/'],
  '/': ['*'],
  '%': ['*'],
  '<<': ['>>'],
  '>>': ['<<'],
  '>>>': ['<<'],
  '&': ['|'],
  '|': ['&'],
  '^': ['&'],
}
const LOGIC = { '&&': ['||'], '||': ['&&'], '??': ['&&'] }
const UPDATES = { '++': '--', '--': '++' }
const EXTREMES = { min: 'max', max: 'min' }

const isText = (node) =>
  node.type === 'TemplateLiteral' || (node.type === 'Literal' && typeof node.value === 'string')
const addsText = (node) =>
  isText(node) ||
  (node.type === 'BinaryExpression' &&
    node.operator === '+' &&
    [node.left, node.right].some(addsText))

const isDroppable = ({ type, expression }) => {
  if (type !== 'ExpressionStatement') return false
  const inner = expression.type === 'AwaitExpression' ? expression.argument : expression
  if (inner.type === 'CallExpression') return inner.callee.type !== 'Super'
  return ['ChainExpression', 'AssignmentExpression', 'UpdateExpression'].includes(inner.type)
}

const neighbours = ({ raw, value }) => {
  if (typeof value === 'bigint') return [`${value + 1n}n`, `${value - 1n}n`]
  return typeof value === 'number' && raw !== undefined ? [`${value + 1}`, `${value - 1}`] : []
}

/** What can be done to a node: [operator, variants, and the node if it is another one]. */
const MUTATIONS = {
  BinaryExpression({ left, operator, right }, source) {
    const to = (others) => others.map((other) => `(${source(left)}) ${other} (${source(right)})`)
    if (COMPARISONS[operator]) return [['comparison', to(COMPARISONS[operator])]]
    if (!ARITHMETIC[operator] || addsText(left) || addsText(right)) return []
    return [['arithmetic', to(ARITHMETIC[operator])]]
  },
  LogicalExpression({ left, operator, right }, source) {
    return [
      ['logic', LOGIC[operator].map((other) => `(${source(left)}) ${other} (${source(right)})`)],
    ]
  },
  UnaryExpression: ({ operator, argument }, source) =>
    operator === '!' ? [['negation', [source(argument)]]] : [],
  Literal: (node) => [['constant', neighbours(node)]],
  UpdateExpression({ operator, prefix, argument }, source) {
    const other = UPDATES[operator]
    return [['arithmetic', [prefix ? other + source(argument) : source(argument) + other]]]
  },
  AssignmentExpression({ left, operator, right }, source) {
    const others = ARITHMETIC[operator.slice(0, -1)]
    if (!others || addsText(right)) return []
    return [['arithmetic', others.map((other) => `${source(left)} ${other}= ${source(right)}`)]]
  },
  CallExpression({ callee, arguments: given }, source) {
    const extreme = callee.type === 'MemberExpression' && EXTREMES[callee.property.name]
    if (!extreme || callee.object.name !== 'Math') return []
    return [['arithmetic', [`Math.${extreme}(${given.map(source).join(', ')})`]]]
  },
  IfStatement: ({ test }) => [['condition', ['true', 'false'], test]],
  ConditionalExpression: ({ test }) => [['condition', ['true', 'false'], test]],
  // Loops that never end prove little and cost a restart.
  WhileStatement: ({ test }) => [['condition', ['false'], test]],
  DoWhileStatement: ({ test }) => [['condition', ['false'], test]],
  ForStatement: ({ test }) => (test ? [['condition', ['false'], test]] : []),
  ArrowFunctionExpression: ({ body }) =>
    body.type === 'BlockStatement' ? [] : [['return', ['undefined'], body]],
}

const CONSTANT_TESTS = new Set(['true', 'false'])

const entryOf = ({ type, body, kind }, parent) => {
  const isBody = /^(?:Function|Arrow)/.test(type) && body?.type === 'BlockStatement'
  if (!isBody || kind === 'constructor' || parent?.kind === 'constructor') return undefined
  const [first] = body.body
  // Dropping the only statement says the same.
  if (first === undefined || (body.body.length === 1 && isDroppable(first))) return undefined
  return { start: body.start + 1, end: body.end - 1 }
}

/** Types are passed by; values inside of assertions are not. */
const childrenOf = (node) => {
  const keys = node.type.startsWith('TS') ? ['expression'] : (visitorKeys[node.type] ?? [])
  const isNamed = node.type === 'Property' || /^(?:Method|Property)Definition$/.test(node.type)
  return keys
    .filter((key) => !(key === 'key' && isNamed && !node.computed))
    .flatMap((key) => node[key] ?? [])
    .filter((child) => typeof child?.type === 'string')
}

/**
 * @param {string} path
 * @param {string} text
 * @returns {{ sites: Site[], statements: { start: number, end: number }[] }} Statements: those of one expression.
 */
export const sitesOf = (path, text) => {
  const { program, errors } = parseSync(path, text)
  if (errors.length > 0) throw new Error(`${path}: ${errors[0].message}`)
  const sites = []
  const statements = []
  const source = ({ start, end }) => text.slice(start, end)
  const add = (operator, form, { start, end }, variants) => {
    if (variants.length > 0) sites.push({ operator, form, start, end, variants })
  }
  const visit = (node, parent) => {
    for (const [operator, variants, other = node] of MUTATIONS[node.type]?.(node, source) ?? []) {
      const real = variants.filter((one) => !(CONSTANT_TESTS.has(one) && one === source(other)))
      add(operator, 'expression', other, real)
    }
    if (node.type === 'ExpressionStatement') statements.push({ start: node.start, end: node.end })
    if (isDroppable(node)) add('drop', 'statement', node, [''])
    const entry = entryOf(node, parent)
    if (entry !== undefined) add('return', 'entry', entry, ['return;'])
    for (const child of childrenOf(node)) visit(child, node)
  }
  visit(program)
  return { sites, statements }
}
