import { fitWidth, stripControls, type Style } from './ansi.ts'

export interface Cell {
  readonly text: string
  readonly style: Style
}
export type Row = readonly Cell[]

export interface Column<Item> {
  readonly title: string
  readonly align: 'left' | 'right'
  /** Wanted width; `rest` shares the remaining columns. */
  readonly width: number | 'rest'
  /** Left out on terminals with fewer columns than this. */
  readonly minColumns: number
  readonly cell: (item: Item, index: number) => Cell
}

export const cell = (text: string, style: Style = 'plain'): Cell => ({
  text: stripControls(text),
  style,
})

const shownColumns = <Item>(all: readonly Column<Item>[], columns: number) =>
  all.filter(({ minColumns }) => columns >= minColumns)

const widths = <Item>(shown: readonly Column<Item>[], columns: number): number[] => {
  const fixed = shown.reduce((sum, { width }) => sum + (width === 'rest' ? 1 : width + 1), 0)
  return shown.map(({ width }) => (width === 'rest' ? Math.max(0, columns - fixed) : width))
}

const rowOf = <Item>(
  all: readonly Column<Item>[],
  columns: number,
  cellOf: (column: Column<Item>) => Cell,
): Row => {
  const shown = shownColumns(all, columns)
  const size = widths(shown, columns)
  return shown.flatMap((column, index) => {
    const { text, style } = cellOf(column)
    return [cell(fitWidth(text, size[index] ?? 0, column.align), style), cell(' ')]
  })
}

/** The heading of a table that is `columns` wide, and its row for an item. */
export const tableOf = <Item>(all: readonly Column<Item>[], columns: number) => ({
  heading: (): Row => rowOf(all, columns, ({ title }) => cell(title, 'dim')),
  row: (item: Item, index: number): Row => rowOf(all, columns, (one) => one.cell(item, index)),
})
