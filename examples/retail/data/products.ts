// What the made-up shop sells: 400 articles, each an item in a pattern. The day files and the catalogue's API
// both take them from here.
import { drawFor } from "./random.ts";

export interface Product {
  readonly code: string;
  readonly title: string;
  /** List price in pence. */
  readonly pence: number;
  readonly category: string;
}

const patterns = [
  "BLUE GINGHAM",
  "RED CHECK",
  "GREEN FERN",
  "YELLOW PEAR",
  "PINK TULIP",
  "GREY PEBBLE",
  "IVORY LACE",
  "TEAL WAVE",
];

/** Item and lowest price in pence. One name has a comma and one a quote, as in any real list. */
const items: Record<string, readonly (readonly [string, number])[]> = {
  kitchen: [
    ["TEA TOWEL", 145],
    ["OVEN GLOVE", 325],
    ["EGG CUP", 85],
    ["CAKE STAND, 2 TIER", 995],
    ["LARGE MIXING BOWL", 650],
    ["ROUND TRAY", 425],
    ["BREAD CROCK", 1250],
    ["SPICE JAR", 165],
    ["MEASURING JUG", 395],
    ["SET OF 3 STORAGE TINS", 545],
    ["PACK OF 20 NAPKINS", 85],
    ["SALT CELLAR", 210],
  ],
  table: [
    ["MUG", 165],
    ["TEAPOT FOR TWO", 695],
    ['SIDE PLATE 7"', 250],
    ["SOUP BOWL", 275],
    ["MILK JUG", 295],
    ["SET OF 4 COASTERS", 255],
    ["TABLE RUNNER", 575],
    ["PLACE CARD HOLDER", 42],
  ],
  home: [
    ["CUSHION COVER", 495],
    ["DOOR STOP", 375],
    ["DRAWER KNOB", 125],
    ["PICTURE FRAME 6X4", 295],
    ["WALL CLOCK", 895],
    ["COAT HOOK", 145],
    ["LANTERN", 365],
    ["CANDLE POT", 185],
    ["T-LIGHT HOLDER", 95],
    ["LAUNDRY BAG", 345],
    ["FOLDING STOOL", 1495],
  ],
  garden: [
    ["SEED TIN", 210],
    ["WATERING CAN", 625],
    ["PACK OF 10 PLANT LABELS", 125],
    ["BIRD FEEDER", 465],
    ["TWINE BALL", 155],
    ["KNEELER PAD", 295],
  ],
  paper: [
    ["GIFT WRAP", 42],
    ["NOTEBOOK A6", 85],
    ["BIRTHDAY CARD", 42],
    ["STICKER SHEET", 65],
    ["GIFT TAGS", 55],
    ["PAPER BUNTING", 255],
    ["WRITING SET", 165],
  ],
  play: [
    ["SKIPPING ROPE", 125],
    ["SPINNING TOP", 165],
    ["JIGSAW 50 PIECES", 245],
    ["LUNCH BOX", 195],
    ["PENCIL CASE", 125],
    ["WOODEN DOMINOES", 145],
  ],
};

/** All articles, in the order of their codes. */
export const products: readonly Product[] = Object.entries(items)
  .flatMap(([category, list]) => list.map(([item, pence]) => ({ category, item, pence })))
  .flatMap(({ category, item, pence }, position) =>
    patterns.map((pattern, variant) => ({
      // Every third item has one number for all its patterns, told apart by a letter.
      code:
        position % 3 === 0 ? `${30_000 + position * 20}${"ABCDEFGH"[variant]}` : `${30_000 + position * 20 + variant}`,
      title: `${pattern} ${item}`,
      pence: pence + (drawFor(7, position * patterns.length + variant) < 0.25 ? 30 : 0),
      category,
    })),
  );
