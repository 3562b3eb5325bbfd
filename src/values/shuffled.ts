/** The same elements in an order that is drawn; each order is as likely. */
export function shuffled<Element>(elements: readonly Element[], random: () => number): readonly Element[] {
  return elements
    .map((element) => ({ element, place: random() }))
    .toSorted((one, other) => one.place - other.place)
    .map(({ element }) => element);
}
