export declare const VARIABLE: string
export declare const COMMAND: string
export default function setUp(): void
