// The page of the inspector: it opens its sources, and draws what they say, at most once a frame.
import { render } from 'preact'
import { App } from './app.tsx'
import { Model } from './model.ts'
import { openSources } from './sources.ts'

const root = document.getElementById('root')
if (root !== null) {
  let isDue = false
  const draw = (): void => {
    isDue = false
    render(<App model={model} />, root)
  }
  const model = new Model(() => {
    if (isDue) return
    isDue = true
    requestAnimationFrame(draw)
  })
  openSources(model)
  draw()
  // Times that run.
  setInterval(draw, 1_000)
}
