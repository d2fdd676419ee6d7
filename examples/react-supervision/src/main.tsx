// The page: the tree in StrictMode, and a switch that mounts and unmounts it.
import { StrictMode, useState, type ReactNode } from 'react'
import { createRoot } from 'react-dom/client'
import { Supervision } from './supervision.tsx'

function Page(): ReactNode {
  const [isOn, setOn] = useState(true)
  return (
    <>
      <button
        id="switch"
        onClick={() => {
          setOn(!isOn)
        }}
      >
        {isOn ? 'Stop' : 'Start'}
      </button>
      {isOn ? <Supervision /> : <p id="off">off</p>}
    </>
  )
}

const root = document.getElementById('root')
if (root !== null)
  createRoot(root).render(
    <StrictMode>
      <Page />
    </StrictMode>,
  )
