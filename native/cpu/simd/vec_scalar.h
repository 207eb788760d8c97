// Vec and Mask (vec.h) of one lane; vectorisation is left to the compiler and the baseline.
#pragma once
#include <cmath>
#include <cstdint>

namespace nabla::NABLA_ISA {

template <typename T>
struct Vec {
  static constexpr int width = 1;
  T v;
  NABLA_INLINE static Vec load(const T* p) { return {*p}; }
  NABLA_INLINE static Vec load_part(const T* p, int64_t n) { return {n > 0 ? *p : T(0)}; }
  NABLA_INLINE static Vec set(T x) { return {x}; }
  NABLA_INLINE static Vec zero() { return {T(0)}; }
  NABLA_INLINE void store(T* p) const { *p = v; }
  NABLA_INLINE void store_part(T* p, int64_t n) const {
    if (n > 0) *p = v;
  }
  NABLA_INLINE friend Vec operator+(Vec a, Vec b) { return {a.v + b.v}; }
  NABLA_INLINE friend Vec operator-(Vec a, Vec b) { return {a.v - b.v}; }
  NABLA_INLINE friend Vec operator*(Vec a, Vec b) { return {a.v * b.v}; }
  NABLA_INLINE friend Vec operator/(Vec a, Vec b) { return {a.v / b.v}; }
};
template <typename T>
NABLA_INLINE Vec<T> fma(Vec<T> a, Vec<T> b, Vec<T> c) {
  return {a.v * b.v + c.v};
}

template <typename T>
struct Mask {
  bool m;
  NABLA_INLINE friend Mask operator&(Mask a, Mask b) { return {a.m && b.m}; }
  NABLA_INLINE friend Mask operator|(Mask a, Mask b) { return {a.m || b.m}; }
  NABLA_INLINE friend Mask operator!(Mask a) { return {!a.m}; }
};
template <typename T>
NABLA_INLINE Mask<T> operator<(Vec<T> a, Vec<T> b) {
  return {a.v < b.v};
}
template <typename T>
NABLA_INLINE Mask<T> operator<=(Vec<T> a, Vec<T> b) {
  return {a.v <= b.v};
}
template <typename T>
NABLA_INLINE Mask<T> operator>(Vec<T> a, Vec<T> b) {
  return {a.v > b.v};
}
template <typename T>
NABLA_INLINE Mask<T> operator>=(Vec<T> a, Vec<T> b) {
  return {a.v >= b.v};
}
template <typename T>
NABLA_INLINE Mask<T> operator==(Vec<T> a, Vec<T> b) {
  return {a.v == b.v};
}
template <typename T>
NABLA_INLINE Mask<T> operator!=(Vec<T> a, Vec<T> b) {
  return {a.v != b.v};
}
template <typename T>
NABLA_INLINE Vec<T> select(Mask<T> m, Vec<T> a, Vec<T> b) {
  return m.m ? a : b;
}
template <typename T>
NABLA_INLINE Vec<T> max(Vec<T> a, Vec<T> b) {
  return {a.v > b.v ? a.v : b.v};
}
template <typename T>
NABLA_INLINE Vec<T> min(Vec<T> a, Vec<T> b) {
  return {a.v < b.v ? a.v : b.v};
}
template <typename T>
NABLA_INLINE Vec<T> sqrt(Vec<T> a) {
  return {std::sqrt(a.v)};
}
template <typename T>
NABLA_INLINE Vec<T> abs(Vec<T> a) {
  return {std::fabs(a.v)};
}
template <typename T>
NABLA_INLINE Vec<T> floor(Vec<T> a) {
  return {std::floor(a.v)};
}
template <typename T>
NABLA_INLINE Vec<T> ceil(Vec<T> a) {
  return {std::ceil(a.v)};
}
template <typename T>
NABLA_INLINE Vec<T> round(Vec<T> a) {
  return {std::rint(a.v)};
}
template <typename T>
NABLA_INLINE Vec<T> operator-(Vec<T> a) {
  return {-a.v};
}
template <typename T>
NABLA_INLINE Vec<T> copysign(Vec<T> magnitude, Vec<T> sign) {
  return {std::copysign(magnitude.v, sign.v)};
}

}  // namespace nabla::NABLA_ISA
