// An oxlint rule over boundaries.mjs. Oxlint's own no-restricted-imports compares texts of specifiers and does not see
// import(); here a specifier is resolved to the folder it means, in every form an import can have.
import { relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { refusal } from '../boundaries.mjs'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

const textOf = (source) => {
  if (source?.type === 'Literal' && typeof source.value === 'string') return source.value
  if (source?.type === 'TemplateLiteral' && source.expressions.length === 0) {
    return source.quasis[0].value.cooked
  }
  return undefined
}

const imports = {
  meta: { type: 'problem', docs: { description: 'who may import whom: boundaries.mjs' } },
  create(context) {
    const from = relative(ROOT, context.filename).split(sep).join('/')
    const judge = (source) => {
      const specifier = textOf(source)
      const message = specifier === undefined ? undefined : refusal(from, specifier)
      if (message !== undefined) context.report({ node: source, message })
    }
    return {
      ImportDeclaration: (node) => judge(node.source),
      ExportNamedDeclaration: (node) => judge(node.source),
      ExportAllDeclaration: (node) => judge(node.source),
      ImportExpression: (node) => judge(node.source),
      TSImportType: (node) => judge(node.source),
      CallExpression: (node) => {
        if (node.callee.type === 'Identifier' && node.callee.name === 'require') {
          judge(node.arguments[0])
        }
      },
    }
  },
}

export default { meta: { name: 'boundaries' }, rules: { imports } }
