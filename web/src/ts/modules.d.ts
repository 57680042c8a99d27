declare module "basecoat-css/*";

declare module "@novnc/novnc" {
  export default class RFB extends EventTarget {
    constructor(target: Element, channel: string | WebSocket);
    background: string;
    compressionLevel: number;
    focusOnClick: boolean;
    qualityLevel: number;
    resizeSession: boolean;
    scaleViewport: boolean;
    viewOnly: boolean;
    _viewOnly: boolean;
    _handleServerCutText(): boolean;
    /** Not public: noVNC has no other way to listen for keys elsewhere than on its canvas. */
    readonly _keyboard: { _target: Element };
    clipboardPasteFrom(text: string): void;
    disconnect(): void;
    focus(options?: FocusOptions): void;
    sendKey(keysym: number, code: string | null, down?: boolean): void;
  }
}
