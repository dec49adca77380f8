// The worker that draws and learns, as a file of its own.
import 'banana-sdk/web-worker';
