/** Conditions of which all, or at least one, must hold. No operands: always, or never. */
export interface PredicateGroup<Leaf> {
  readonly op: 'and' | 'or'
  readonly operands: readonly (Leaf | PredicateGroup<Leaf>)[]
}

export type PredicateTree<Leaf> = Leaf | PredicateGroup<Leaf>

export function isGroup<Leaf extends object>(
  tree: PredicateTree<Leaf>,
): tree is PredicateGroup<Leaf> {
  return 'operands' in tree
}

/**
 * Whether a tree may hold where `mayHold` answers for its leaves. AND and OR of "may hold" is
 * never too small, since neither turns a no into a yes; this is why there is no NOT in a tree.
 */
export function treeMayHold<Leaf extends object>(
  tree: PredicateTree<Leaf>,
  mayHold: (leaf: Leaf) => boolean,
): boolean {
  if (!isGroup(tree)) return mayHold(tree)
  return tree.op === 'and'
    ? tree.operands.every((operand) => treeMayHold(operand, mayHold))
    : tree.operands.some((operand) => treeMayHold(operand, mayHold))
}

/** Every leaf of some trees. */
export function leavesOf<Leaf extends object>(
  trees: readonly PredicateTree<Leaf>[],
): readonly Leaf[] {
  return trees.flatMap((tree) => (isGroup(tree) ? leavesOf(tree.operands) : [tree]))
}

/**
 * The tree with each leaf replaced. A leaf of which nothing is known (undefined) proves nothing:
 * an AND does without it, an OR with it is itself unknown.
 */
export function mapTree<From extends object, To extends object>(
  tree: PredicateTree<From>,
  replace: (leaf: From) => PredicateTree<To> | undefined,
): PredicateTree<To> | undefined {
  if (!isGroup(tree)) return replace(tree)
  const operands = tree.operands.map((operand) => mapTree(operand, replace))
  return joinTrees(tree.op, operands)
}

/** AND or OR of trees of which some may be unknown; undefined where nothing is known of it. */
export function joinTrees<Leaf extends object>(
  op: PredicateGroup<Leaf>['op'],
  operands: readonly (PredicateTree<Leaf> | undefined)[],
): PredicateTree<Leaf> | undefined {
  const known = operands.filter((operand) => operand !== undefined)
  if (op === 'or' && known.length < operands.length) return undefined
  const [only] = known
  if (known.length === 1) return only
  // An AND of which nothing is known says nothing; an OR of nothing is never true.
  return op === 'and' && known.length === 0 ? undefined : { op, operands: known }
}
