// The settings of the page.

/** `ordersAt`: where orders are sent. The page starts without it, which is a mistake that no restart repairs. */
export const settings: { ordersAt?: string } = {}
