/** Whether `bin/test --long` runs. docs/testing.md lists what it adds, and what stands for that in the short form. */
export const isLongForm = process.env['SLUICE_TEST_FORM'] === 'long'

/** Rows of a table that only the long form runs. */
export const onlyLong = <Row>(...rows: readonly Row[]): readonly Row[] => (isLongForm ? rows : [])
