/** The status page on a port of loopback, as a browser gets it. */
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Report } from '../../src/report/report.js';
import { PAGE_POLICY, statusPage } from '../../src/page/page.js';
import type { Looks } from './made-up.js';

export interface Shown {
  readonly report: Report;
  readonly looks: Looks;
}

export class Served implements AsyncDisposable {
  /** How often the page was asked for. */
  asked = 0;
  /** What is sent instead of the page; null for the page. */
  instead: { readonly status: number; readonly body: string } | null = null;
  #show: () => Shown;
  readonly #server = http.createServer((_request, response) => {
    this.asked += 1;
    const { report, looks } = this.#show();
    response.statusCode = this.instead?.status ?? 200;
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.setHeader('content-security-policy', PAGE_POLICY);
    response.end(this.instead?.body ?? [...statusPage(report, looks)].join(''));
  });

  private constructor(show: () => Shown) {
    this.#show = show;
  }

  static async start(show: () => Shown): Promise<Served> {
    const served = new Served(show);
    await served.#listen(0);
    return served;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/`;
  }

  show(shown: Shown): void {
    this.#show = () => shown;
  }

  /** As if the program had ended. */
  async stop(): Promise<void> {
    const port = this.#port;
    await this[Symbol.asyncDispose]();
    this.restart = () => this.#listen(port);
  }

  /** On the same port. */
  restart: () => Promise<void> = () => Promise.reject(new Error('it was not stopped'));

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  get #port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async #listen(port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject).listen(port, '127.0.0.1', () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
  }
}
