/** A promise whose end is decided elsewhere. Its rejection is for whoever asks: unheard, it is no uncaught error. */
export function outcome<T>() {
  let resolve: (value: T) => void = () => {}
  let reject: (error: Error) => void = () => {}
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  promise.catch(() => {})
  return { promise, resolve, reject }
}
