// Look at a page as a reader would; leave what was found in the frame's page, as "measured".
//
// Runs in a report whose policy against scripts was taken out for the test. Text is judged by the
// boxes of its letters, so that two texts on top of each other are seen whatever holds them.

const SHORT = 40;
const READABLE_CONTRAST = 4.5; // WCAG 2.2, 1.4.3
const found = {
  width: innerWidth,
  scroll: 0,
  height: 0,
  dark: matchMedia("(prefers-color-scheme: dark)").matches,
  text: "",
  texts: 0,
  outside: [],
  overlaps: [],
  clipped: [],
  faint: [],
  flat: [],
};

function isForReadersOnly(element) {
  const head = element.closest("thead");
  return head !== null && getComputedStyle(head).position === "absolute";
}

function channels(colour) {
  return colour.match(/[\d.]+/g).map(Number);
}

function luminance(rgb) {
  const [red, green, blue] = rgb.map((value) => {
    const share = value / 255;
    return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function groundBehind(element) {
  for (let at = element; at; at = at.parentElement) {
    const colour = channels(getComputedStyle(at).backgroundColor);
    if (colour.length < 4 || colour[3] > 0) return colour.slice(0, 3);
  }
  return [255, 255, 255];
}

function isFaint(element) {
  const ink = luminance(channels(getComputedStyle(element).color).slice(0, 3));
  const ground = luminance(groundBehind(element));
  const [light, dark] = ink > ground ? [ink, ground] : [ground, ink];
  return (light + 0.05) / (dark + 0.05) < READABLE_CONTRAST;
}

function isClipped(element) {
  for (let at = element; at && at !== document.body; at = at.parentElement) {
    const hides = getComputedStyle(at).overflowX !== "visible";
    if (hides && at.clientWidth && at.scrollWidth > at.clientWidth + 1) return true;
  }
  return false;
}

function lookAtTexts() {
  const boxes = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    const label = node.data.trim().slice(0, SHORT);
    const isShown = !["SCRIPT", "STYLE", "title"].includes(element.tagName);
    if (!label || !isShown || isForReadersOnly(element)) continue;
    found.texts += 1;
    if (isFaint(element)) found.faint.push(label);
    if (isClipped(element)) found.clipped.push(label);
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects()) {
      if (box.right > innerWidth + 0.5 || box.left < -0.5) found.outside.push(label);
      boxes.push({ node, label, box });
    }
  }
  return boxes;
}

function lookForOverlaps(boxes) {
  boxes.sort((one, two) => one.box.top - two.box.top);
  boxes.forEach((one, index) => {
    for (const two of boxes.slice(index + 1)) {
      if (two.box.top > one.box.bottom) break;
      const wide = Math.min(one.box.right, two.box.right) - Math.max(one.box.left, two.box.left);
      const high = Math.min(one.box.bottom, two.box.bottom) - Math.max(one.box.top, two.box.top);
      // Line boxes of neighbouring lines share a few pixels without letters.
      if (one.node !== two.node && wide > 1 && high > 5) {
        found.overlaps.push(`${one.label} / ${two.label}`);
      }
    }
  });
}

function lookAtCharts() {
  for (const chart of document.querySelectorAll("svg")) {
    const box = chart.getBoundingClientRect();
    const isSeen = box.width >= 12 && box.height >= 3 && box.right <= innerWidth + 0.5;
    if (!isSeen) found.flat.push(chart.getAttribute("aria-label"));
  }
}

addEventListener("load", () => {
  found.text = document.body.innerText;
  found.scroll = document.documentElement.scrollWidth;
  found.height = document.body.getBoundingClientRect().height;
  lookForOverlaps(lookAtTexts());
  lookAtCharts();
  const measured = parent.document.createElement("pre");
  measured.id = "measured";
  measured.textContent = encodeURIComponent(JSON.stringify(found));
  parent.document.body.append(measured);
});
