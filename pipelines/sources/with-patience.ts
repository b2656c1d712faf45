/** Waits for work that may never end or fail, but no longer than so. */
export async function withPatience(work: Promise<unknown>, patienceMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const patience = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, patienceMs)
  })
  await Promise.race([work.catch(() => undefined), patience])
  clearTimeout(timer)
}
