/**
 * What both ends of a line to a thread write, as cells of shared memory: how many orders were sent,
 * taken in hand, and answered; then one cell for each of the last orders.
 */
export const cell = { sent: 0, taken: 1, answered: 2, firstOrder: 3 } as const

/** Orders that may be on their way. */
export const orderCells = 64

/** In the cell of an order. Whoever changes it first has decided what becomes of the order. */
export const order = { waits: 0, begun: 1, takenBack: 2 } as const

export const makeCells = (): Int32Array =>
  new Int32Array(new SharedArrayBuffer(4 * (cell.firstOrder + orderCells)))

/** The cell of the order with that number, counted from 0. */
export const cellOf = (number: number): number => cell.firstOrder + (number % orderCells)
